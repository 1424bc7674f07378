import math

import pytest
import torch

from tlbench.functional.entropy import certainty, mean_entropy


def test_sure_uniform_and_between():
    p = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]])
    assert certainty(p).tolist() == pytest.approx([2.0, 1.25, 1.5])


def test_entropy_is_in_nats():
    p = torch.tensor([[0.9, 0.1]], dtype=torch.float64)
    entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert certainty(p).item() == pytest.approx(1 + math.exp(-entropy))


def test_gradient():
    p = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(certainty, p)


def test_mean_entropy_by_hand():
    # rows (1/2, 1/2) and, at logits ln 3 and 0, (3/4, 1/4)
    logits = torch.tensor([[5.0, 5.0], [math.log(3), 0.0]], dtype=torch.float64)
    of_quarter = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    assert mean_entropy(logits).item() == pytest.approx((math.log(2) + of_quarter) / 2)


def test_gradient_of_the_mean_entropy():
    logits = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(mean_entropy, logits)


def test_logits_far_apart_leave_a_finite_entropy_and_gradient():
    logits = torch.tensor([[1e4, 0.0, -1e4]], requires_grad=True)
    mean_entropy(logits).backward()
    assert mean_entropy(logits).item() == 0
    assert torch.isfinite(logits.grad).all()
