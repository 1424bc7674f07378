import math

import numpy as np
import pytest
import torch

from baselines.mcc import Mcc
from tests.baselines.tiny import array, network, outputs, softmax
from tlbench.errors import TlbenchError
from tlbench.functional.class_confusion import class_confusion


def draw(n: int = 6, c: int = 4, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(n, c, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def make(**changes) -> Mcc:
    return Mcc(**{"weight": 1.0, "temperature": 2.5, **changes}, network=network())


def by_loops(logits: np.ndarray, temperature: float, weights: np.ndarray | None = None) -> float:
    """The paper's steps one after the other: rescaling, correlation under W with mean 1, normalisation, off the diagonal."""
    p = softmax(logits / temperature)
    n, c = p.shape
    if weights is None:
        certain = 1 + np.exp((p * np.log(p)).sum(axis=1))
        weights = n * certain / certain.sum()
    correlation = np.array(
        [[sum(weights[i] * p[i, j] * p[i, k] for i in range(n)) for k in range(c)] for j in range(c)]
    )
    normalised = [[correlation[j, k] / sum(correlation[j]) for k in range(c)] for j in range(c)]
    return sum(normalised[j][k] for j in range(c) for k in range(c) if j != k) / c


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(6, 4), (1, 3), (9, 2)])
def test_agrees_with_the_papers_steps_in_numpy(shape, temperature):
    logits = draw(*shape)
    assert class_confusion(logits, temperature).item() == pytest.approx(by_loops(array(logits), temperature))


def test_closed_forms():
    sure = 100 * torch.eye(3)
    assert class_confusion(sure, 1.0).item() == pytest.approx(0, abs=1e-6)
    assert class_confusion(torch.zeros(5, 4), 2.5).item() == pytest.approx(3 / 4)
    assert class_confusion(draw(1, 4), 1.0).item() == pytest.approx(3 / 4)  # one example: mean of 1 - p_c
    # p = (a, 1 - a) and (1 - a, a), weights equal: the diagonal's share is a^2 + (1 - a)^2
    z = math.log(0.8 / 0.2)
    assert class_confusion(torch.tensor([[z, 0.0], [0.0, z]]), 1.0).item() == pytest.approx(1 - 0.8**2 - 0.2**2)


def test_a_class_that_no_example_comes_near_counts_as_confused():
    assert class_confusion(torch.tensor([[100.0, 0.0, -1e3], [0.0, 100.0, -1e3]]), 1.0).item() == pytest.approx(1 / 3)


def test_uncertain_examples_count_less():
    logits = draw()
    assert class_confusion(logits, 1.0).item() != pytest.approx(by_loops(array(logits), 1.0, np.ones(6)), rel=1e-3)


def test_examples_and_classes_may_be_reordered_and_logits_moved():
    logits = draw()
    value = class_confusion(logits, 2.5).item()
    assert class_confusion(logits.flip(0), 2.5).item() == pytest.approx(value)
    assert class_confusion(logits.flip(1), 2.5).item() == pytest.approx(value)
    assert class_confusion(logits + draw(6, 1, seed=1), 2.5).item() == pytest.approx(value)
    assert class_confusion(logits / 2.5, 1.0).item() == pytest.approx(value)


def test_gradient_takes_the_weights_as_fixed():
    logits = draw().requires_grad_()
    class_confusion(logits, 2.5).backward()
    p = softmax(array(logits) / 2.5)
    weights = 1 + np.exp((p * np.log(p)).sum(axis=1))
    want = np.zeros((6, 4))
    for i, j in np.ndindex(6, 4):
        step = np.zeros((6, 4))
        step[i, j] = 1e-6
        ends = [by_loops(array(logits) + sign * step, 2.5, weights) for sign in (1, -1)]
        want[i, j] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(array(logits.grad), want, atol=1e-8)


def test_logits_far_apart_leave_finite_values_and_gradients():
    logits = torch.tensor([[1e4, 0.0, -1e4], [1e4, -1e4, 0.0]], requires_grad=True)
    value = class_confusion(logits, 1.0)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_the_term_is_of_the_targets_logits_alone():
    source, target = outputs()
    (value,) = make(weight=0.5).adaptation_terms(source, target).values()
    assert value.item() == pytest.approx(0.5 * by_loops(array(target.logits), 2.5))
    value.backward()
    assert target.logits.grad.abs().sum() > 0
    assert source.logits.grad is source.features.grad is target.features.grad is None


def test_every_parameter_counts():
    def term(method: Mcc) -> float:
        return method.adaptation_terms(*outputs())["confusion"].item()

    assert term(make(weight=2.0)) == pytest.approx(2 * term(make()))
    assert term(make(temperature=1.0)) < term(make())


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("weight", 1.0, math.nan), ("temperature", 0.1, 0.0), ("temperature", 2.0, -1.0),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=f"method.{key}"):
        make(**{key: refused})


def test_one_example_of_two_classes_is_enough():
    class_confusion(draw(1, 2), 1.0)
    for shape in ((0, 2), (1, 1)):
        with pytest.raises(ValueError, match="two or more classes"):
            class_confusion(torch.zeros(shape), 1.0)
