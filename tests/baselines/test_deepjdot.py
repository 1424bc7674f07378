"""DeepJDOT: the exact plan of a batch as a constant, and what it costs in features and labels."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from baselines.deepjdot import DeepJdot, batch_plan, cross_entropies, squared_errors
from tests.baselines.tiny import C, D, array, network, outputs, slope_at, softmax
from tlbench.errors import Refused, TlbenchError
from tlbench.functional import transport
from tlbench.method import SourceOutput, TargetOutput

ot = pytest.importorskip("ot")


def make(**changes) -> DeepJdot:
    return DeepJdot(**{"weight": 1.0, "alpha": 0.5, "variant": "same", **changes}, network=network())


def total(method: DeepJdot, source, target) -> torch.Tensor:
    return sum(method.adaptation_terms(source, target).values())


def costs(source, target) -> dict[str, np.ndarray]:
    """Entry by entry, in double precision."""
    p, labels = softmax(array(target.logits)), array(source.labels)
    n, m = len(labels), len(p)
    features, entropies, errors = (np.zeros((n, m)) for _ in range(3))
    for i, j in np.ndindex(n, m):
        features[i, j] = ((array(source.features)[i] - array(target.features)[j]) ** 2).sum()
        entropies[i, j] = -math.log(p[j, labels[i]])
        errors[i, j] = sum((float(c == labels[i]) - p[j, c]) ** 2 for c in range(C))
    return {"features": features, "same": entropies, "authors": errors}


def cheapest(cost: np.ndarray) -> np.ndarray:
    """The plan by linear programming, with no word of POT."""
    n, m = cost.shape
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return linprog(cost.ravel(), A_eq=sums, b_eq=masses).x.reshape(n, m)


def test_the_label_costs_by_hand():
    # p = (3/4, 1/4): -ln 3/4 and -ln 1/4; (1 - 3/4)^2 + (1/4)^2 = 1/8 and 2 (3/4)^2 = 9/8
    logits = torch.tensor([[math.log(3), 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1])
    want = [[math.log(4 / 3)], [math.log(4)]]
    torch.testing.assert_close(cross_entropies(labels, logits), torch.tensor(want, dtype=torch.float64))
    torch.testing.assert_close(squared_errors(labels, logits), torch.tensor([[1 / 8], [9 / 8]], dtype=torch.float64))


def test_two_points_swapped_are_matched_crosswise():
    cost = torch.tensor([[9.0, 0.0], [0.0, 9.0]], dtype=torch.float32)
    plan = batch_plan(cost)
    assert plan.tolist() == [[0, 0.5], [0.5, 0]]
    assert plan.dtype == cost.dtype


def test_equal_batches_cost_nothing_where_their_labels_are_surely_predicted():
    source, _ = outputs(n=4)
    sure = 60 * torch.eye(C, dtype=torch.float64)[source.labels]
    order = [2, 0, 3, 1]
    target = TargetOutput(source.features[order], sure[order])
    terms = make().adaptation_terms(source, target)
    assert terms["feature_cost"].item() == pytest.approx(0, abs=1e-12)
    assert terms["label_cost"].item() == pytest.approx(0, abs=1e-12)
    moved = TargetOutput(source.features[order] + 1, sure[order])
    assert make().adaptation_terms(source, moved)["feature_cost"].item() == pytest.approx(0.5 * D)


@pytest.mark.parametrize("variant", ["same", "authors"])
@pytest.mark.parametrize("sizes", [(5, 7), (6, 6), (7, 3)])
def test_agrees_with_linear_programming_when_batches_differ_in_size(sizes, variant):
    source, target = outputs(*sizes)
    of = costs(source, target)
    plan = cheapest(0.5 * of["features"] + of[variant])
    terms = make(variant=variant, weight=0.7).adaptation_terms(source, target)
    assert terms["feature_cost"].item() == pytest.approx(0.7 * 0.5 * (plan * of["features"]).sum())
    assert terms["label_cost"].item() == pytest.approx(0.7 * (plan * of["same"]).sum())


def test_with_one_cost_for_both_it_is_pots_own_value():
    source, target = outputs(6, 8)
    of = costs(source, target)
    value = ot.emd2(np.full(6, 1 / 6), np.full(8, 1 / 8), 0.5 * of["features"] + of["same"])
    assert total(make(), source, target).item() == pytest.approx(value)


def test_the_variants_choose_other_plans_here():
    source, target = outputs()
    of = costs(source, target)
    one, other = (cheapest(0.5 * of["features"] + of[variant]) for variant in ("same", "authors"))
    assert np.abs(one - other).sum() > 0.1
    assert total(make(), source, target) < total(make(variant="authors"), source, target)


@pytest.mark.parametrize("variant", ["same", "authors"])
def test_the_gradient_is_that_of_a_fixed_plan(variant):
    source, target = outputs()
    of = costs(source, target)
    plan = cheapest(0.5 * of["features"] + of[variant])
    total(make(variant=variant, weight=0.7), source, target).backward()

    def value() -> float:
        now = costs(source, target)
        return 0.7 * (plan * (0.5 * now["features"] + now["same"])).sum()

    for leaf, row, column in ((source.features, 1, 2), (target.features, 4, 0), (target.logits, 3, 1)):
        assert leaf.grad[row, column].item() == pytest.approx(slope_at(leaf, row, column, value), rel=1e-5, abs=1e-9)
    assert source.logits.grad is None
    ends = np.abs(array(source.features.grad).sum(axis=0) + array(target.features.grad).sum(axis=0))
    np.testing.assert_allclose(ends, 0, atol=1e-12)  # both ends of each pair are drawn equally strongly


def test_the_plan_has_uniform_marginals_and_no_gradient():
    cost = torch.rand(5, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    plan = batch_plan(cost)
    assert not plan.requires_grad
    np.testing.assert_allclose(array(plan.sum(dim=1)), 1 / 5, rtol=1e-5)
    np.testing.assert_allclose(array(plan.sum(dim=0)), 1 / 3, rtol=1e-5)


def test_the_plan_is_worked_out_in_double_precision(monkeypatch):
    seen = []

    def spy(cost, **_):
        seen.append(cost)
        return np.full(cost.shape, 1 / cost.size)

    monkeypatch.setattr("baselines.deepjdot.exact_plan", spy)
    batch_plan(torch.rand(3, 2))
    assert seen[0].dtype == np.float64


def test_examples_and_classes_may_be_reordered_logits_moved_and_both_domains_turned():
    source, target = outputs()
    (fs, zs, labels), (ft, zt) = vars(source).values(), (target.features, target.logits)
    turn = torch.linalg.qr(torch.randn(D, D, dtype=torch.float64)).Q
    for s, t in (
        (source, TargetOutput(ft.flip(0), zt.flip(0) + 5)),
        (SourceOutput(fs, zs, C - 1 - labels), TargetOutput(ft, zt.flip(1))),
        (SourceOutput(fs @ turn, zs, labels), TargetOutput(ft @ turn, zt)),
    ):
        assert total(make(), s, t).item() == pytest.approx(total(make(), source, target).item())


def test_every_parameter_counts():
    batch = outputs()
    assert total(make(weight=2.0), *batch).item() == pytest.approx(2 * total(make(), *batch).item())
    assert total(make(alpha=5.0), *batch) > total(make(), *batch)
    labels_alone = make(alpha=0.0).adaptation_terms(*batch)
    assert set(labels_alone) == {"label_cost"}
    assert labels_alone["label_cost"] < make(alpha=5.0).adaptation_terms(*batch)["label_cost"]


def test_a_cost_that_is_not_finite_makes_the_loss_so_and_stops_nothing():
    source, target = outputs()
    bad = TargetOutput(target.features, target.logits * torch.nan)
    assert torch.isnan(make().adaptation_terms(source, bad)["label_cost"])


@pytest.mark.parametrize(("key", "allowed", "refused"), [
    ("weight", 0.0, -0.1), ("weight", 1.0, math.nan), ("alpha", 0.0, -0.1),
])  # fmt: skip
def test_what_is_out_of_range_is_refused(key, allowed, refused):
    make(**{key: allowed})
    with pytest.raises(TlbenchError, match=rf"method\.{key} must be 0 or more"):
        make(**{key: refused})


def test_a_variant_that_is_not_there():
    with pytest.raises(TlbenchError, match=r"Unknown variant 'author'\. Did you mean 'authors'"):
        make(variant="author")


def test_pot_is_asked_for_where_it_is_missing(monkeypatch):
    make()
    monkeypatch.setattr(transport, "find_spec", lambda name: None)
    with pytest.raises(TlbenchError, match=r"method=deepjdot needs the library 'ot'.*pip install 'tlbench\[ot\]'"):
        make()


def test_a_plan_that_is_not_found_says_what_makes_it_smaller(monkeypatch):
    monkeypatch.setattr(transport, "MOST_PIVOTS", 1)
    with pytest.raises(Refused, match=r"within 1 pivots\. Set optim\.batch_size=\.\.\. to fewer\."):
        batch_plan(torch.rand(9, 8))
