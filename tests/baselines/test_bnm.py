"""BNM: the nuclear norm of the target's probabilities, over what each of its authors' texts divides it by."""

import math

import numpy as np
import pytest
import torch

from baselines.bnm import VARIANTS, Bnm, longest_columns
from tests.baselines.tiny import C, array, network, outputs, slope_at, softmax
from tlbench.errors import TlbenchError
from tlbench.method import SourceOutput, TargetOutput

SURE = 60.0
"""A logit above zeros whose probability is 1 to rounding."""
ROOT = math.sqrt(2)


def make(**changes) -> Bnm:
    return Bnm(**{"weight": 1.0, "variant": "mean", "fast": False, **changes}, network=network())


def term(method: Bnm, batch: tuple[SourceOutput, TargetOutput] | None = None) -> torch.Tensor:
    (value,) = method.adaptation_terms(*(batch or outputs())).values()
    return value


def sure(classes: list[int], n_classes: int = 2) -> tuple[SourceOutput, TargetOutput]:
    source, _ = outputs()
    logits = SURE * torch.eye(n_classes, dtype=torch.float64)[classes]
    return source, TargetOutput(torch.zeros(len(classes), 3), logits.requires_grad_())


def by_hand(logits: np.ndarray, divisor: float, fast: bool) -> float:
    p = softmax(logits)
    k = min(p.shape)
    if fast:
        values = np.sort([math.sqrt(sum(p[i, c] ** 2 for i in range(len(p)))) for c in range(p.shape[1])])[-k:]
    else:
        values = np.sqrt(np.linalg.eigvalsh(p @ p.T if len(p) <= p.shape[1] else p.T @ p))
    return -values.sum() / divisor


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("variant", "balanced", "one"), [
    # rows e1 e1 e2 e2: singular values sqrt 2, sqrt 2; four rows e1: 2 and 0. Over 2, 4 and 1
    ("mean", -ROOT, -1.0), ("batch", -ROOT / 2, -0.5), ("sum", -2 * ROOT, -2.0),
])  # fmt: skip
def test_sure_predictions_by_hand(variant, balanced, one, fast):
    method = make(variant=variant, fast=fast)
    assert term(method, sure([0, 0, 1, 1])).item() == pytest.approx(balanced)
    assert term(method, sure([0, 0, 0, 0])).item() == pytest.approx(one)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("rows", [7, 2])
def test_agrees_with_numpy_with_more_and_fewer_rows_than_classes(rows, fast):
    batch = outputs(m=rows)
    logits = array(batch[1].logits)
    for variant, divisor in (("mean", min(rows, C)), ("batch", rows), ("sum", 1)):
        got = term(make(variant=variant, fast=fast, weight=0.7), batch).item()
        assert got == pytest.approx(0.7 * by_hand(logits, divisor, fast))


def test_of_more_classes_than_rows_the_fast_form_takes_as_many_columns_as_rows():
    # columns of lengths 3, 2 and 1 and two rows
    assert longest_columns(torch.tensor([[3.0, 0.0, 1.0], [0.0, 2.0, 0.0]])).item() == pytest.approx(5)


@pytest.mark.parametrize("fast", [False, True])
def test_rows_and_classes_may_be_reordered_and_logits_moved(fast):
    source, target = outputs()
    value = term(make(fast=fast)).item()
    for logits in (target.logits.flip(0), target.logits.flip(1), target.logits + 3):
        assert term(make(fast=fast), (source, TargetOutput(target.features, logits))).item() == pytest.approx(value)


@pytest.mark.parametrize("fast", [False, True])
def test_the_gradient_passes_through_the_targets_logits_and_through_nothing_else(fast):
    method, (source, target) = make(fast=fast, weight=0.5), outputs()
    term(method, (source, target)).backward()
    for row, column in ((0, 0), (3, 2)):
        slope = slope_at(target.logits, row, column, lambda: by_hand(array(target.logits), C, fast))
        assert target.logits.grad[row, column].item() == pytest.approx(0.5 * slope, rel=1e-5)
    assert source.logits.grad is source.features.grad is target.features.grad is None


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("classes", [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 2]])
def test_at_one_hot_rows_the_gradient_is_finite(classes, fast):
    batch = sure(classes, n_classes=3)
    term(make(fast=fast), batch).backward()
    assert torch.isfinite(batch[1].logits.grad).all()
    probabilities = torch.eye(3)[classes].requires_grad_()
    longest_columns(probabilities).backward()
    assert torch.isfinite(probabilities.grad).all()


def test_it_asks_for_sure_predictions_and_for_all_classes():
    def at(z: float, classes: list[int]) -> float:
        source, target = sure(classes, 3)
        return term(make(), (source, TargetOutput(target.features, target.logits * z / SURE))).item()

    assert at(4.0, [0, 1, 2]) < at(2.0, [0, 1, 2]) < at(0.0, [0, 1, 2])
    assert at(4.0, [0, 1, 2]) < at(4.0, [0, 1, 1]) < at(4.0, [1, 1, 1])


def test_every_parameter_counts():
    assert term(make(weight=2.0)).item() == pytest.approx(2 * term(make()).item())
    values = {term(make(variant=variant, fast=fast)).item() for variant in VARIANTS for fast in (False, True)}
    assert len(values) == 6


@pytest.mark.parametrize("refused", [-0.1, math.nan])
def test_what_is_out_of_range_is_refused(refused):
    make(weight=0.0)
    with pytest.raises(TlbenchError, match=r"method\.weight must be 0 or more"):
        make(weight=refused)


def test_a_variant_that_is_not_there():
    with pytest.raises(TlbenchError, match=r"Unknown variant 'men'\. Did you mean 'mean'"):
        make(variant="men")
