import math

import pytest
import torch

from tlbench.functional.entropy import certainty


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
