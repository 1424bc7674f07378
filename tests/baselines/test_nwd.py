"""DALN: the head and the features are pulled opposite ways by one difference of nuclear norms."""

import math

import numpy as np
import pytest
import torch

from baselines.nwd import Nwd, mean_norm
from tests.baselines.tiny import C, D, array, network, outputs, slope_at, softmax
from tlbench.errors import TlbenchError
from tlbench.functional.class_confusion import class_confusion
from tlbench.method import TargetOutput


def make(progress: float = 0.3, **changes) -> Nwd:
    torch.manual_seed(0)
    method = Nwd(**{"weight": 1.0, "gamma": 10.0, "confusion": 0.0, **changes}, network=network()).double()
    method.progress = progress
    return method


def by_hand(method: Nwd, source, target) -> float:
    """Sums of the roots of the eigenvalues of P' P, the target's over its rows less the source's over its own."""
    w, b = array(method.network.head.last.weight), array(method.network.head.last.bias)

    def norm(features) -> float:
        p = softmax(array(features) @ w.T + b)
        return np.sqrt(np.linalg.eigvalsh(p.T @ p)).sum() / len(p)

    return norm(target.features) - norm(source.features)


def term(method: Nwd, **batch) -> torch.Tensor:
    return method.adaptation_terms(*outputs(**batch))["discrepancy"]


def test_the_norms_by_hand():
    # the identity: 1 + 1 over 2 rows. Two rows e1: sqrt 2 over 2. The discrepancy is -.2929
    assert mean_norm(torch.eye(2)).item() == pytest.approx(1)
    assert mean_norm(torch.tensor([[1.0, 0.0]] * 2)).item() == pytest.approx(math.sqrt(2) / 2)
    assert math.sqrt(2) / 2 - 1 == pytest.approx(-0.2929, abs=1e-4)


def test_the_term_by_hand_through_a_head_that_is_sure():
    # features 60 e_c, and a head that passes them on: P_s the identity of 3 classes, P_t three rows e1: sqrt 3 / 3 - 1
    method = make()
    with torch.no_grad():
        method.network.head.last.weight.copy_(torch.eye(C, D))
        method.network.head.last.bias.zero_()
    source, target = outputs(n=3, m=3)
    with torch.no_grad():
        source.features.copy_(60 * torch.eye(3, D))
        target.features.copy_(60 * torch.eye(3, D)[[0, 0, 0]])
    value = method.adaptation_terms(source, target)["discrepancy"].item()
    assert value == pytest.approx(math.sqrt(3) / 3 - 1)


@pytest.mark.parametrize("sizes", [(5, 7), (8, 4)])
def test_agrees_with_numpy_when_batches_differ_in_size(sizes):
    source, target = outputs(*sizes)
    method = make(weight=0.7)
    got = method.adaptation_terms(source, target)["discrepancy"].item()
    assert got == pytest.approx(0.7 * by_hand(method, source, target))


def test_the_head_gets_the_gradient_and_the_features_its_opposite():
    method, (source, target) = make(weight=2.0), outputs()
    method.adaptation_terms(source, target)["discrepancy"].backward()
    last, strength = method.network.head.last, 2 / (1 + math.exp(-3)) - 1
    for row, column in ((0, 1), (2, 3)):
        slope = slope_at(last.weight, row, column, lambda: by_hand(method, source, target))
        assert last.weight.grad[row, column].item() == pytest.approx(2 * slope, rel=1e-4)
    for out, row, column in ((source, 1, 2), (target, 4, 0)):
        slope = slope_at(out.features, row, column, lambda: by_hand(method, source, target))
        assert out.features.grad[row, column].item() == pytest.approx(-strength * 2 * slope, rel=1e-4)
        assert out.logits.grad is None


def test_a_step_of_the_head_lowers_the_term_and_one_of_the_features_raises_it():
    method, (source, target) = make(), outputs()
    before = method.adaptation_terms(source, target)["discrepancy"]
    before.backward()
    with torch.no_grad():
        for out in (source, target):
            out.features.sub_(0.01 * out.features.grad)
        assert method.adaptation_terms(source, target)["discrepancy"] > before
        for out in (source, target):
            out.features.add_(0.01 * out.features.grad)
        for p in method.network.head.last.parameters():
            p.sub_(0.01 * p.grad)
        assert method.adaptation_terms(source, target)["discrepancy"] < before


def test_equal_batches_have_no_discrepancy_and_exchanged_ones_its_opposite():
    source, target = outputs(6, 6)
    method = make()
    same = method.adaptation_terms(source, TargetOutput(source.features.flip(0), source.logits))
    assert same["discrepancy"].item() == pytest.approx(0, abs=1e-12)
    there = method.adaptation_terms(source, target)["discrepancy"].item()
    back = type(source)(target.features, target.logits, source.labels), TargetOutput(source.features, source.logits)
    assert method.adaptation_terms(*back)["discrepancy"].item() == pytest.approx(-there)


def test_the_confusion_is_that_of_the_targets_logits():
    source, target = outputs()
    terms = make(confusion=0.5).adaptation_terms(source, target)
    assert set(terms) == {"discrepancy", "confusion"}
    assert terms["confusion"].item() == pytest.approx(0.5 * class_confusion(target.logits, 2.5).item())
    assert set(make().adaptation_terms(source, target)) == {"discrepancy"}


def test_every_parameter_counts():
    assert term(make(weight=2.0)).item() == pytest.approx(2 * term(make()).item())

    def pull(method: Nwd) -> float:
        source, target = outputs()
        method.adaptation_terms(source, target)["discrepancy"].backward()
        return source.features.grad.norm().item()

    assert pull(make(gamma=1.0)) < pull(make(gamma=10.0))
    assert pull(make(progress=0.0)) == 0
    assert pull(make(progress=0.1)) < pull(make(progress=0.9))


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("weight", 1.0, math.nan), ("gamma", 0.1, 0.0), ("confusion", 0.0, -0.1),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})
