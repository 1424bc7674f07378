"""AFN: its values are constant or a mean's, so most of what is tested are gradients."""

import math

import numpy as np
import pytest
import torch
import yaml

from baselines.afn import DELTA, RADIUS, Afn, hard_loss, stepwise_loss
from tests.baselines.tiny import array, network, outputs, softmax
from tlbench.errors import Refused, TlbenchError
from tlbench.paths import conf_dir


def make(**changes) -> Afn:
    return Afn(**{"weight": 0.5, **changes}, network=network())


def terms(method: Afn) -> dict[str, torch.Tensor]:
    return method.adaptation_terms(*outputs())


def test_the_hard_loss_by_hand():
    # lengths 3 and 5, radius 25: (4 - 25)^2 = 441; the mean of the squares would be (22^2 + 20^2) / 2 = 442
    x = torch.tensor([[3.0, 0.0], [-3.0, 4.0]], dtype=torch.float64)
    assert hard_loss(x, 25.0).item() == pytest.approx(441)
    assert hard_loss(x, 4.0).item() == 0


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_stepwise_loss_is_the_square_of_the_step_whatever_the_features(scale):
    source, _ = outputs()
    assert stepwise_loss(scale * source.features, 0.3).item() == pytest.approx(0.09)
    assert terms(make(delta=3.0))["norm"].item() == pytest.approx(2 * 0.5 * 9)


def test_the_stepwise_gradient_lengthens_each_row_of_both_domains_by_its_own_direction():
    source, target = outputs()
    make(delta=0.3, weight=0.7).adaptation_terms(source, target)["norm"].backward()
    for out in (source, target):
        f = array(out.features)
        want = -2 * 0.7 * 0.3 * f / np.linalg.norm(f, axis=1, keepdims=True) / len(f)
        np.testing.assert_allclose(array(out.features.grad), want)
        assert out.logits.grad is None


def test_the_hard_loss_in_numpy_and_its_gradient():
    source, target = outputs()
    value = make(variant="hard", weight=0.7, radius=3.0).adaptation_terms(source, target)["norm"]
    lengths = [np.linalg.norm(array(out.features), axis=1) for out in (source, target)]
    assert value.item() == pytest.approx(0.7 * sum((np.mean(of) - 3) ** 2 for of in lengths))
    assert torch.autograd.gradcheck(lambda x: hard_loss(x, 3.0), source.features)
    value.backward()
    assert min(out.features.grad.abs().sum() for out in (source, target)) > 0
    assert source.logits.grad is target.logits.grad is None


@pytest.mark.parametrize("loss", [stepwise_loss, hard_loss])
def test_rotations_and_the_order_of_the_rows_change_no_length(loss):
    x = outputs()[0].features.detach()
    turn = torch.linalg.qr(outputs(n=x.shape[1], seed=1)[0].features.detach()).Q
    assert loss(x.flip(0) @ turn, 2.0).item() == pytest.approx(loss(x, 2.0).item())


@pytest.mark.parametrize("loss", [stepwise_loss, hard_loss])
def test_a_row_of_zeros_has_no_direction_and_a_gradient_of_zeros(loss):
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    loss(x, 1.0).backward()
    assert x.grad[0].tolist() == [0, 0]
    assert x.grad[1].abs().sum() > 0


def test_the_entropy_is_the_targets_and_a_term_of_its_own():
    assert set(terms(make())) == {"norm"}
    source, target = outputs()
    found = make(entropy=0.1).adaptation_terms(source, target)
    p = softmax(array(target.logits))
    assert found["entropy"].item() == pytest.approx(-0.1 * (p * np.log(p)).sum(axis=1).mean())
    found["entropy"].backward()
    assert target.logits.grad.abs().sum() > 0
    assert source.logits.grad is source.features.grad is target.features.grad is None


def test_every_parameter_counts():
    assert terms(make(weight=1.0))["norm"].item() == pytest.approx(2 * terms(make())["norm"].item())
    assert terms(make(delta=2.0))["norm"].item() != terms(make())["norm"].item()
    hard = {terms(make(variant="hard", **radius))["norm"].item() for radius in ({}, {"radius": 3.0})}
    assert len(hard | {terms(make())["norm"].item()}) == 3
    assert terms(make(entropy=0.2))["entropy"].item() == pytest.approx(2 * terms(make(entropy=0.1))["entropy"].item())


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("weight", 1.0, math.nan), ("delta", 0.1, 0.0), ("radius", RADIUS, 0.0), ("entropy", 0.0, -0.1),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})


def test_what_the_variant_does_not_read_is_not_to_be_set():
    make(variant="stepwise", delta=0.3)
    make(variant="hard", radius=10.0)
    with pytest.raises(Refused, match=r"method\.delta=0\.3 has no say with method\.variant=hard\. Leave it at 1\."):
        make(variant="hard", delta=0.3)
    with pytest.raises(
        Refused, match=r"method\.radius=10\.0 has no say with method\.variant=stepwise\. Leave it at 25\."
    ):
        make(variant="stepwise", radius=10.0)
    with pytest.raises(TlbenchError, match=r"Unknown variant 'har'\. Did you mean 'hard'"):
        make(variant="har")
    config = yaml.safe_load((conf_dir() / "method" / "afn.yaml").read_text("utf-8"))
    assert (config["delta"], config["radius"]) == (DELTA, RADIUS)
