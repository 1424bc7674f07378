import numpy as np
import pytest
import torch

from baselines.coral import VARIANTS, Coral
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.functional.moments import coral_loss, covariance, moment_loss, scatter_loss
from tlbench.method import SourceOutput, TargetOutput

LOSSES = list(dict.fromkeys(VARIANTS.values()))


def draw(n: int, seed: int = 0, width: int = 3) -> torch.Tensor:
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def method(**parameters) -> Coral:
    head = Head(in_dim=3, n_classes=2, bottleneck=0, dropout=0.0)
    return Coral(network=Network(Identity(input_shape=(3,)), head), **parameters)


@pytest.mark.parametrize(("loss", "value"), [(coral_loss, 9.0), (moment_loss, 61.0), (scatter_loss, 9.0)])
def test_closed_form(loss, value):
    # (a, -a) has scatter and sample variance 2a^2, so the difference is 8 - 2 = 6 and the means are 5 apart:
    # 6^2 / 4 = 9, 6^2 + 5^2 = 61; the scatter is the variance at n = 2
    xs, xt = torch.tensor([[2.0], [-2.0]]) + 5, torch.tensor([[1.0], [-1.0]])
    assert loss(xs, xt).item() == pytest.approx(value)


@pytest.mark.parametrize(
    ("loss", "value"), [(coral_loss, 41**2 / 16), (moment_loss, 41**2 / 4), (scatter_loss, 32**2 / 4 / 16)]
)
def test_closed_form_where_widths_and_sizes_count(loss, value):
    # first feature: scatters 18 and 50, variances 9 and 50; second constant: one entry of four differs
    xs, xt = torch.tensor([[3.0, 1.0], [0.0, 1.0], [-3.0, 1.0]]), torch.tensor([[5.0, 1.0], [-5.0, 1.0]])
    assert loss(xs, xt).item() == pytest.approx(value)


def test_the_papers_agrees_with_numpy_and_ignores_the_means_when_batches_differ_in_size():
    xs, xt = draw(7), draw(11, seed=1)
    want = np.sum((np.cov(xs.T) - np.cov(xt.T)) ** 2) / (4 * 3**2)
    assert coral_loss(xs + 5, xt - 2).item() == pytest.approx(want)


def test_the_mean_variant_agrees_with_numpy():
    xs, xt = draw(7).numpy() + 0.5, draw(11, seed=1).numpy()
    want = np.mean((np.cov(xs.T) - np.cov(xt.T)) ** 2) + np.mean((xs.mean(axis=0) - xt.mean(axis=0)) ** 2)
    assert moment_loss(torch.from_numpy(xs), torch.from_numpy(xt)).item() == pytest.approx(want, rel=1e-12)


def test_the_scatter_variant_agrees_with_numpy_and_sees_the_number_of_samples():
    xs, xt = draw(7), draw(11, seed=1)
    want = np.mean((6 * np.cov(xs.T) - 10 * np.cov(xt.T)) ** 2) / (4 * 3**2)
    assert scatter_loss(xs + 5, xt - 2).item() == pytest.approx(want, rel=1e-12)
    twice = torch.cat([xs, xs])
    assert scatter_loss(xs, twice).item() == pytest.approx(np.mean((6 * np.cov(xs.T)) ** 2) / 36)


@pytest.mark.parametrize("loss", LOSSES)
def test_is_symmetric_zero_for_equal_domains_and_blind_to_rotations_of_both(loss):
    xs, xt = draw(7), draw(9, seed=1)
    turn = torch.linalg.qr(draw(3, seed=2)).Q
    assert loss(xs, xt).item() == pytest.approx(loss(xt, xs).item())
    assert loss(xs @ turn, xt @ turn).item() == pytest.approx(loss(xs, xt).item())
    assert loss(xs, xs.flip(0)).item() == pytest.approx(0, abs=1e-12)


def test_only_the_mean_variant_sees_the_means():
    xs = draw(7)
    assert [loss(xs, xs + 3).item() for loss in LOSSES] == pytest.approx([0, 9, 0], abs=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_is_right_and_reaches_both_domains(loss):
    xs, xt = draw(5).requires_grad_(), draw(6, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(loss, (xs, xt))
    loss(xs, xt).backward()
    assert xs.grad.abs().sum() > 0
    assert xt.grad.abs().sum() > 0


def test_covariance_keeps_one_feature_a_matrix():
    assert covariance(torch.tensor([[1.0], [3.0]])).tolist() == [[2.0]]


@pytest.mark.parametrize("loss", LOSSES)
def test_two_samples_are_enough_and_one_is_refused(loss):
    loss(draw(2), draw(2, seed=1))
    with pytest.raises(ValueError, match="two or more samples"):
        loss(draw(1), draw(2))
    with pytest.raises(ValueError, match="one feature width"):
        loss(draw(2), draw(2, width=4))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_method_adds_its_variant_times_the_weight(variant):
    xs, xt = draw(5), draw(6, seed=1)
    source, target = SourceOutput(xs, xs[:, :2], torch.zeros(5)), TargetOutput(xt, xt[:, :2])
    (term,) = method(weight=0.5, variant=variant).adaptation_terms(source, target).values()
    want = {"paper": coral_loss, "logits": coral_loss, "mean": moment_loss, "scatter": scatter_loss}[variant]
    on = (xs[:, :2], xt[:, :2]) if variant == "logits" else (xs, xt)
    assert term.item() == pytest.approx(0.5 * want(*on).item())


def test_values_out_of_range_are_refused():
    assert method(weight=0.0).variant == "paper"
    with pytest.raises(TlbenchError, match=r"method\.weight must be 0 or more"):
        method(weight=-0.1)
    with pytest.raises(TlbenchError, match=r"Unknown variant 'means'\. Did you mean 'mean'"):
        method(weight=1.0, variant="means")
