import numpy as np
import pytest
import torch

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
