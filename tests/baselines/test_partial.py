"""Partial label spaces: what pada and iwan make of classes that the target lacks."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.iwan import Iwan
from baselines.pada import VARIANTS, Pada, class_weights
from tests.baselines.tiny import C, array, network, outputs, softmax
from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import domain_loss
from tlbench.method import SourceOutput, TargetOutput
from tlbench.method.pools import Pools

PADA = {"weight": 2.0, "gamma": 10.0, "hidden": 0, "intervals": 20}
IWAN = {"weight": 3.0, "auxiliary": 4.5, "entropy": 0.1, "gamma": 10.0, "hidden": 0}
GAMMA = (0.6, 0.3, 0.1)
STRENGTH = math.tanh(2.5)  # at half of the run


def pada(gamma=GAMMA, **changed) -> Pada:
    torch.manual_seed(0)
    method = Pada(**PADA | changed, network=network())
    method.prepare(SimpleNamespace(n_classes=C))
    method.gamma_C.copy_(torch.tensor(gamma))
    method.progress = 0.5
    return method.double()


def iwan(**changed) -> Iwan:
    torch.manual_seed(0)
    method = Iwan(**IWAN | changed, network=network()).double()
    method.progress = 0.5
    return method


def logistic(layers, *batches):
    """Logits of a domain classifier without hidden layers, in numpy."""
    (layer,) = layers
    return [array(x) @ array(layer.weight)[0] + array(layer.bias)[0] for x in batches]


def losses(logits, source):
    return np.log1p(np.exp(-logits if source else logits))


# pada


def test_class_weights_by_hand():
    # temperature 1/2 squares the odds: (2/3, 1/3) becomes (4/5, 1/5); a sure row stays as it is; their mean is (0.9, 0.1)
    p = torch.tensor([[2 / 3, 1 / 3], [1.0, 0.0]])
    torch.testing.assert_close(class_weights(p, 0.5), torch.tensor([0.9, 0.1]))
    torch.testing.assert_close(class_weights(p, 1.0), torch.tensor([5 / 6, 1 / 6]))


def test_class_weights_are_the_mean_softmax_of_the_logits_at_a_temperature():
    z = np.random.default_rng(0).normal(size=(40, 5))
    want = softmax(z / 0.1).mean(axis=0)
    assert class_weights(torch.tensor(softmax(z)), 0.1).numpy() == pytest.approx(want)


@pytest.mark.parametrize("least", [0, 1])  # with 1 the batch lacks the class that counts most
@pytest.mark.parametrize("variant", VARIANTS)
def test_pada_agrees_with_loops(variant, least):
    method, (source, target) = pada(variant=variant), outputs()
    source = SourceOutput(source.features, source.logits, source.labels.clamp_min(least))
    s, t = logistic(method.discriminator, source.features, target.features)
    g = [GAMMA[y] for y in source.labels]
    most = max(g) if variant == "authors" else max(GAMMA)
    w = [x / most for x in g]
    v = 1.0 if variant == "authors" else sum(w) / len(w)
    of_source = sum(a * b for a, b in zip(w, losses(s, True), strict=True)) / len(w)
    want = 2.0 * (of_source + v * np.mean(losses(t, False))) / 2
    assert method.adaptation_terms(source, target)["domain"].item() == pytest.approx(want, rel=1e-6)
    p = softmax(array(source.logits))
    ce = [-math.log(p[i, y]) for i, y in enumerate(source.labels)]
    want = sum(a * b for a, b in zip(g, ce, strict=True)) / sum(g)
    assert method.classification(source.logits, source.labels).item() == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_with_equal_weights_it_is_dann_beside_the_plain_cross_entropy(variant):
    method, (source, target) = pada(gamma=(0.2, 0.2, 0.2), variant=variant), outputs()
    logits = method.discriminator(torch.cat([source.features, target.features])).squeeze(1)
    terms = method.adaptation_terms(source, target)
    torch.testing.assert_close(terms["domain"], 2 * domain_loss(logits, 5))
    assert method.told["classes"].item() == pytest.approx(C)
    method.label_smoothing = 0.1
    want = F.cross_entropy(source.logits, source.labels, label_smoothing=0.1)
    torch.testing.assert_close(method.classification(source.logits, source.labels), want)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_class_of_weight_zero_has_no_part_in_either_loss(variant):
    method, (source, target) = pada(gamma=(0.7, 0.3, 0.0), variant=variant), outputs()
    gone = source.labels == 2
    assert gone.any()
    for value, leaf in (
        (method.adaptation_terms(source, target)["domain"], source.features),
        (method.classification(source.logits, source.labels), source.logits),
    ):
        (slope,) = torch.autograd.grad(value, leaf)
        assert (slope[gone] == 0).all()
        assert (slope[~gone] != 0).all()


def test_the_features_climb_what_the_domain_classifier_descends():
    method, (source, target) = pada(), outputs()
    weight = method.discriminator[0].weight
    found = torch.autograd.grad(
        method.adaptation_terms(source, target)["domain"], (source.features, target.features, weight)
    )
    logits = method.discriminator(torch.cat([source.features, target.features])).squeeze(1)
    w = torch.tensor([GAMMA[y] / 0.6 for y in source.labels], dtype=torch.float64)
    plain = (w * F.softplus(-logits[:5])).mean() + F.softplus(logits[5:]).mean()  # weight 2 over 2
    want = torch.autograd.grad(plain, (source.features, target.features, weight))
    for got, slope, factor in zip(found, want, (-STRENGTH, -STRENGTH, 1.0), strict=True):
        torch.testing.assert_close(got, factor * slope, rtol=1e-5, atol=1e-8)


def test_weights_are_ones_before_the_first_look_and_then_those_of_the_whole_target():
    method = Pada(**PADA, network=network())
    method.prepare(SimpleNamespace(n_classes=C))
    p = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.2, 0.3]])
    pools = Pools(lambda: (torch.zeros(2, 4), p), lambda i: None)
    method.progress = 0.0
    method.refresh(pools)
    assert method.gamma_C.tolist() == [1, 1, 1]
    method.progress = 0.05
    method.refresh(pools)
    torch.testing.assert_close(method.gamma_C, torch.tensor([0.6, 0.2, 0.2]))
    method.steps = 10_000
    assert method.look_every == 500
    method.steps = 8
    assert method.look_every == 1


def test_a_batch_of_classes_without_weight_is_no_nan():
    method, (source, target) = pada(gamma=(1.0, 0.0, 0.0)), outputs()
    source = SourceOutput(source.features, source.logits, torch.full((5,), 2))
    assert method.classification(source.logits, source.labels).item() == 0
    assert torch.isfinite(method.adaptation_terms(source, target)["domain"])
    assert method.told["classes"].item() == pytest.approx(1)


# iwan


def test_iwan_agrees_with_loops():
    method, (source, target) = iwan(), outputs()
    s, t = logistic(method.discriminator, source.features, target.features)
    s2, t2 = logistic(method.second, source.features, target.features)
    w = 1 - 1 / (1 + np.exp(-s2))
    adversary = (np.mean(w / w.mean() * losses(s, True)) + losses(t, False).mean()) / 2
    second = (losses(s2, True).mean() + losses(t2, False).mean()) / 2
    p = softmax(array(target.logits))
    terms = method.adaptation_terms(source, target)
    assert terms["domain"].item() == pytest.approx(3 * adversary + 4.5 * second, rel=1e-6)
    assert terms["entropy"].item() == pytest.approx(0.1 * -np.mean(np.sum(p * np.log(p), axis=1)), rel=1e-6)
    assert method.told["second"].item() == pytest.approx(4.5 * second, rel=1e-6)
    assert method.told["counted"].item() == pytest.approx(w.sum() ** 2 / (5 * np.sum(w**2)), rel=1e-6)


def test_no_gradient_passes_through_the_weights_or_from_the_second_classifier():
    method, (source, target) = iwan(), outputs()
    leaves = source.features, target.features, method.discriminator[0].weight, method.second[0].weight
    found = torch.autograd.grad(method.adaptation_terms(source, target)["domain"], leaves)
    x = torch.cat([source.features, target.features])
    first, second = (layers(x).squeeze(1) for layers in (method.discriminator, method.second))
    w = 1 - second[:5].detach().sigmoid()
    adversary = ((w / w.mean() * F.softplus(-first[:5])).mean() + F.softplus(first[5:]).mean()) / 2
    want = torch.autograd.grad(3 * adversary, leaves[:3])
    for got, slope, factor in zip(found, want, (-STRENGTH, -STRENGTH, 1.0), strict=False):
        torch.testing.assert_close(got, factor * slope, rtol=1e-6, atol=1e-9)
    (own,) = torch.autograd.grad(4.5 * domain_loss(second, 5), leaves[3])
    torch.testing.assert_close(found[3], own)


def test_where_the_second_classifier_tells_nothing_the_adversary_is_dann():
    method, (source, target) = iwan(auxiliary=0.0, entropy=0.0), outputs()
    torch.nn.init.zeros_(method.second[0].weight)
    logits = method.discriminator(torch.cat([source.features, target.features])).squeeze(1)
    terms = method.adaptation_terms(source, target)
    assert set(terms) == {"domain"}
    torch.testing.assert_close(terms["domain"], 3 * domain_loss(logits, 5))
    assert method.told["counted"].item() == pytest.approx(1)


def test_a_source_example_that_is_surely_no_targets_has_no_pull():
    method, (source, target) = iwan(auxiliary=0.0, entropy=0.0), outputs()
    with torch.no_grad():  # by the first feature alone: 100 for the first row
        method.second[0].weight.zero_()[0, 0] = 50.0
        source.features[:, 0] = torch.tensor([2.0, -1.0, -2.0, -1.5, -1.0])
    (slope,) = torch.autograd.grad(method.adaptation_terms(source, target)["domain"], source.features)
    assert slope[0].abs().max() < 1e-12
    assert (slope[1:].abs().sum(dim=1) > 1e-4).all()


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (pada, {"intervals": 0}, r"method\.intervals must be 1 or more, got 0"),
        (pada, {"variant": "paper"}, r"method\.variant must be authors or tllib, got 'paper'"),
        (pada, {"weight": -1.0}, r"method\.weight must be 0 or more"),
        (iwan, {"auxiliary": -1.0}, r"method\.auxiliary must be 0 or more, got -1"),
        (iwan, {"entropy": -0.1}, r"method\.entropy must be 0 or more"),
    ],
)
def test_what_is_refused(make, wrong, message):
    make()
    with pytest.raises(TlbenchError, match=message):
        make(**wrong)


def test_neither_is_told_which_classes_the_target_lacks():
    """All that they read of a task is the number of its classes, and of a target batch no label."""
    assert set(vars(TargetOutput(torch.zeros(1, 1), torch.zeros(1, 1)))) == {"features", "logits", "rows", "inputs"}
    Pada(**PADA, network=network()).prepare(SimpleNamespace(n_classes=C))
    Iwan(**IWAN, network=network()).prepare(SimpleNamespace())
