import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tlbench.functional.adversarial import domain_loss

LOGITS = torch.tensor([2.0, 0.0, -1.0, 3.0, 1.0], dtype=torch.float64)
WEIGHTS = torch.tensor([1.0, 2.0, 1.5, 1.1, 1.9], dtype=torch.float64)


def test_weights_count_within_their_domain():
    p, w = 1 / (1 + np.exp(-LOGITS.numpy())), WEIGHTS.numpy()
    source = np.average(-np.log(p[:2]), weights=w[:2])
    target = np.average(-np.log(1 - p[2:]), weights=w[2:])
    assert domain_loss(LOGITS, 2, WEIGHTS).item() == pytest.approx((source + target) / 2)


def test_equal_weights_are_none_and_the_scale_of_a_domains_weights_is_of_no_effect():
    assert domain_loss(LOGITS, 2, torch.ones(5)).item() == pytest.approx(domain_loss(LOGITS, 2).item())
    scaled = WEIGHTS * torch.tensor([3.0, 3.0, 1.0, 1.0, 1.0])
    assert domain_loss(LOGITS, 2, scaled).item() == pytest.approx(domain_loss(LOGITS, 2, WEIGHTS).item())


def test_gradient():
    assert torch.autograd.gradcheck(lambda z: domain_loss(z, 2, WEIGHTS), LOGITS.clone().requires_grad_())


def test_one_weight_an_example_is_needed():
    domain_loss(LOGITS, 2, WEIGHTS)
    with pytest.raises(ValueError, match="one weight an example"):
        domain_loss(LOGITS, 2, WEIGHTS[:4])
    with pytest.raises(ValueError, match="one weight an example"):
        domain_loss(LOGITS, 2, WEIGHTS[:, None])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_smoothed_labels_are_those_of_a_cross_entropy_with_soft_targets(weights):
    label = torch.tensor([0.9, 0.9, 0.1, 0.1, 0.1], dtype=LOGITS.dtype)
    each = F.binary_cross_entropy_with_logits(LOGITS, label, reduction="none")
    w = torch.ones_like(LOGITS) if weights is None else weights
    want = sum((each[part] * w[part]).sum() / w[part].sum() for part in (slice(2), slice(2, None))) / 2
    assert domain_loss(LOGITS, 2, weights, smoothing=0.1).item() == pytest.approx(want.item())


def test_at_one_half_both_domains_have_one_label():
    z = torch.zeros(5, dtype=LOGITS.dtype).requires_grad_()
    loss = domain_loss(z, 2, smoothing=0.5)
    assert loss.item() == pytest.approx(math.log(2))
    (slope,) = torch.autograd.grad(loss, z)
    assert slope.abs().max() == 0  # d = 1/2 is the best answer for every example
    assert torch.autograd.gradcheck(lambda v: domain_loss(v, 2, smoothing=0.2), LOGITS.clone().requires_grad_())
