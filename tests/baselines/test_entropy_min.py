"""ENT: the mean entropy of the target's predictions, and of nothing else."""

import math

import numpy as np
import pytest
import torch

from baselines.entropy_min import EntropyMin
from tests.baselines.tiny import array, network, outputs, slope_at, softmax
from tlbench.errors import TlbenchError
from tlbench.method import TargetOutput


def make(weight: float = 1.0) -> EntropyMin:
    return EntropyMin(weight=weight, network=network())


def by_hand(logits: np.ndarray) -> float:
    p = softmax(logits)
    return sum(-p[i, c] * math.log(p[i, c]) for i in range(len(p)) for c in range(p.shape[1])) / len(p)


def term(weight: float = 1.0, **batch) -> float:
    return make(weight).adaptation_terms(*outputs(**batch))["entropy"].item()


def test_agrees_with_numpy_whatever_the_source():
    _, target = outputs()
    assert term() == pytest.approx(by_hand(array(target.logits)))
    other, _ = outputs(seed=5)
    assert make().adaptation_terms(other, target)["entropy"].item() == term()


def test_least_where_predictions_are_sure_and_greatest_where_they_are_uniform():
    source, _ = outputs()
    for logits, want in ((60 * torch.eye(3), 0.0), (torch.ones(5, 3), math.log(3))):
        got = make().adaptation_terms(source, TargetOutput(torch.zeros(len(logits), 4), logits))["entropy"].item()
        assert got == pytest.approx(want, abs=1e-6)


def test_rows_and_classes_may_be_reordered_and_logits_moved():
    source, target = outputs()
    for logits in (target.logits.flip(0), target.logits.flip(1), target.logits - 4):
        got = make().adaptation_terms(source, TargetOutput(target.features, logits))["entropy"].item()
        assert got == pytest.approx(term())


def test_the_gradient_passes_through_the_targets_logits_and_through_nothing_else():
    source, target = outputs()
    make(0.3).adaptation_terms(source, target)["entropy"].backward()
    for row, column in ((0, 0), (6, 2)):
        slope = slope_at(target.logits, row, column, lambda: by_hand(array(target.logits)))
        assert target.logits.grad[row, column].item() == pytest.approx(0.3 * slope, rel=1e-5)
    assert source.logits.grad is source.features.grad is target.features.grad is None


def test_the_weight_counts():
    assert term(0.25) == pytest.approx(term() / 4)


@pytest.mark.parametrize("refused", [-0.1, math.nan])
def test_what_is_out_of_range_is_refused(refused):
    make(0.0)
    with pytest.raises(TlbenchError, match=r"method\.weight must be 0 or more"):
        make(refused)
