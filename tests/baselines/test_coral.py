import numpy as np
import pytest
import torch

from baselines.coral import coral_loss, covariance


def draw(n: int, seed: int = 0, width: int = 3) -> torch.Tensor:
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_closed_form():
    # x = (a, -a) has sample variance 2a^2, so the loss is (2*4 - 2*1)^2 / 4 = 9.
    xs, xt = torch.tensor([[2.0], [-2.0]]), torch.tensor([[1.0], [-1.0]])
    assert coral_loss(xs, xt).item() == pytest.approx(9.0)


def test_agrees_with_numpy_and_ignores_the_means_when_batches_differ_in_size():
    xs, xt = draw(7), draw(11, seed=1)
    want = np.sum((np.cov(xs.T) - np.cov(xt.T)) ** 2) / (4 * 3**2)
    assert coral_loss(xs + 5, xt - 2).item() == pytest.approx(want)


def test_is_symmetric_zero_for_equal_domains_and_blind_to_rotations_of_both():
    xs, xt = draw(7), draw(9, seed=1)
    turn = torch.linalg.qr(draw(3, seed=2)).Q
    assert coral_loss(xs, xt).item() == pytest.approx(coral_loss(xt, xs).item())
    assert coral_loss(xs @ turn, xt @ turn).item() == pytest.approx(coral_loss(xs, xt).item())
    assert coral_loss(xs, xs + 3).item() == pytest.approx(0, abs=1e-12)


def test_gradient_is_right_and_reaches_both_domains():
    xs, xt = draw(5).requires_grad_(), draw(6, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(coral_loss, (xs, xt))
    coral_loss(xs, xt).backward()
    assert xs.grad.abs().sum() > 0
    assert xt.grad.abs().sum() > 0


def test_covariance_keeps_one_feature_a_matrix():
    assert covariance(torch.tensor([[1.0], [3.0]])).tolist() == [[2.0]]


def test_two_samples_are_enough_and_one_is_refused():
    coral_loss(draw(2), draw(2, seed=1))
    with pytest.raises(ValueError, match="two or more samples"):
        coral_loss(draw(1), draw(2))
    with pytest.raises(ValueError, match="one feature width"):
        coral_loss(draw(2), draw(2, width=4))
