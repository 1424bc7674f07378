import math

import numpy as np
import pytest
import torch

from baselines.mdd import Mdd, disagreement_loss
from tests.baselines.tiny import C, D, array, network, outputs, slope_at, softmax
from tlbench.errors import TlbenchError

DEFAULT = {"weight": 1.0, "margin": 4.0, "strength": 0.1, "gamma": 10.0, "hidden": 6}


def make(progress: float = 0.3, **changes) -> Mdd:
    """With an adversary of large weights: at those that it starts with, all classes are nearly alike to it."""
    torch.manual_seed(0)
    method = Mdd(**{**DEFAULT, **changes}, network=network()).double()
    with torch.no_grad():
        for parameter in method.adversary.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    method.progress = progress
    return method


def by_hand(method: Mdd, source, target) -> tuple[float, float]:
    """Both terms at weight and margin 1, example by example."""

    def adversary(features: np.ndarray) -> np.ndarray:
        first, _, last = method.adversary
        hidden = np.maximum(features @ array(first.weight).T + array(first.bias), 0)
        return softmax(hidden @ array(last.weight).T + array(last.bias))

    means = []
    for out, loss in ((source, lambda p: -math.log(p)), (target, lambda p: -math.log(1 - p))):
        p, main = adversary(array(out.features)), array(out.logits)
        means.append(np.mean([loss(p[i, np.argmax(main[i])]) for i in range(len(p))]))
    return means[0], means[1]


def test_disagreement_in_numpy():
    logits = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 3, 1, 0])
    p = softmax(array(logits))
    want = np.mean([-math.log(1 - p[i, y]) for i, y in enumerate(labels)])
    assert disagreement_loss(logits, labels).item() == pytest.approx(want)


def test_disagreement_closed_forms():
    assert disagreement_loss(torch.zeros(3, 5), torch.tensor([0, 2, 4])).item() == pytest.approx(math.log(5 / 4))
    # two classes: -log(1 - sigmoid(z)) = log(1 + e^z), also where 1 - sigmoid(z) is 0 in single precision
    for z in (-100.0, 0.5, 200.0):
        logits = torch.tensor([[z, 0.0]], requires_grad=True)
        value = disagreement_loss(logits, torch.tensor([0]))
        value.backward()
        assert value.item() == pytest.approx(np.logaddexp(0, z), abs=1e-6)
        assert logits.grad.tolist()[0] == pytest.approx([1 / (1 + math.exp(-z)), -1 / (1 + math.exp(-z))])


def test_disagreement_gradient_and_shift():
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 1, 1])
    assert torch.autograd.gradcheck(lambda z: disagreement_loss(z, labels), logits)
    assert disagreement_loss(logits + 9, labels).item() == pytest.approx(disagreement_loss(logits, labels).item())


def test_two_classes_and_one_label_a_row_are_needed():
    disagreement_loss(torch.zeros(2, 2), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="two or more classes"):
        disagreement_loss(torch.zeros(2, 1), torch.tensor([0, 0]))
    for labels in ([0], [[0], [1]]):
        with pytest.raises(ValueError, match="one label a row"):
            disagreement_loss(torch.zeros(2, 2), torch.tensor(labels))


def test_the_terms_example_by_example_with_domains_of_different_sizes():
    method = make(weight=0.5)
    terms = method.adaptation_terms(*outputs(n=5, m=8))
    source, target = by_hand(method, *outputs(n=5, m=8))
    assert terms["agreement"].item() == pytest.approx(0.5 * 4 * source)
    assert terms["disagreement"].item() == pytest.approx(0.5 * target)


def test_the_features_get_the_turned_gradient_and_the_heads_logits_none():
    method = make(weight=2.0)
    source, target = outputs()
    sum(method.adaptation_terms(source, target).values()).backward()
    strength = 0.1 * (2 / (1 + math.exp(-3)) - 1)

    def value() -> float:
        on_source, on_target = by_hand(method, source, target)
        return 2 * (4 * on_source + on_target)

    for out, row, column in ((source, 1, 2), (target, 4, 0)):
        slope = slope_at(out.features, row, column, value)
        assert abs(slope) > 1e-3
        assert out.features.grad[row, column].item() == pytest.approx(-strength * slope, rel=1e-4)
        assert out.logits.grad is None


@pytest.mark.parametrize("name", ["agreement", "disagreement"])
def test_the_adversary_learns_to_agree_on_the_source_and_to_disagree_on_the_target(name):
    method = make()
    before = method.adaptation_terms(*outputs())[name]
    before.backward()
    with torch.no_grad():
        for parameter in method.adversary.parameters():
            parameter -= 1e-3 * parameter.grad
    assert method.adaptation_terms(*outputs())[name] < before


def test_the_labels_are_the_heads_predictions_not_the_true_ones():
    method = make()
    source, target = outputs()
    other = type(source)(source.features, source.logits, (source.labels + 1) % C)
    value = method.adaptation_terms(source, target)["agreement"].item()
    assert method.adaptation_terms(other, target)["agreement"].item() == value


def test_the_adversary_starts_small_with_a_width_of_its_own():
    torch.manual_seed(0)
    first, _, last = Mdd(**{**DEFAULT, "hidden": 3000}, network=network()).adversary
    assert (first.in_features, first.out_features, last.out_features) == (D, 3000, C)
    for layer in (first, last):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert layer.bias.abs().sum() == 0


def test_every_parameter_counts():
    def terms(**changes) -> dict[str, float]:
        return {name: value.item() for name, value in make(**changes).adaptation_terms(*outputs()).items()}

    def pull(**changes) -> float:
        source, target = outputs()
        sum(make(**changes).adaptation_terms(source, target).values()).backward()
        return target.features.grad.norm().item()

    default = terms()
    assert terms(weight=3.0) == pytest.approx({name: 3 * value for name, value in default.items()})
    assert terms(margin=8.0) == pytest.approx({**default, "agreement": 2 * default["agreement"]})
    assert terms(hidden=7) != pytest.approx(default)
    assert pull(strength=0.2) == pytest.approx(2 * pull())
    assert pull(gamma=1.0) < pull()
    assert pull(progress=0.0) == 0


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("margin", 0.1, 0.0), ("strength", 0.1, 0.0), ("gamma", 0.1, 0.0), ("hidden", 1, 0),
    ("margin", 1.0, math.nan),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})
