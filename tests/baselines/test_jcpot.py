"""jcpot: the shares and plans against POT's and a plain minimisation, and what the classifier gets."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from scipy.special import xlogy

from baselines.jcpot import Jcpot
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import Refused, TlbenchError
from tlbench.functional import target_shares
from tlbench.functional.target_shares import transported_shares
from tlbench.tasks import Labelled, Task

OF = (np.arange(30) >= 18).astype(int)
TWO = replace(TASK, source_of=OF, source_names=("left", "top"))
COST = cdist(SOURCE, TARGET, "sqeuclidean")
COST = COST / COST.max()
PARTS = [COST[OF == 0], COST[OF == 1]], [LABELS[OF == 0], LABELS[OF == 1]]


def logistic(n_classes=3):
    return Logistic(n_classes=n_classes, seed=0, C=1.0)


def fitted(task=TWO, reg=0.05):
    return Jcpot(reg=reg, classifier=logistic(task.n_classes)).fit(task)


def line(rows):
    """Rows (0) of class 0 and (10) of class 1: `rows` of either."""
    labels = np.repeat([0, 1], rows)
    return Labelled(10.0 * labels[:, None], labels)


def test_shares_of_clusters_that_are_far_apart_are_those_of_the_target():
    # sources have 2 : 2 and 9 : 1; of ten target rows three lie at 0: h = (0.3, 0.7), and each is labelled by its place
    parts, target = [line([2, 2]), line([9, 1])], line([3, 7])
    costs = [cdist(part.inputs, target.inputs, "sqeuclidean") / 100 for part in parts]
    shares, plans = transported_shares(costs, [part.labels for part in parts], 0.01)
    assert shares == pytest.approx([0.3, 0.7])
    assert plans[1].sum(axis=1) == pytest.approx([0.3 / 9] * 9 + [0.7])
    x, y = (np.concatenate([getattr(part, name) for part in parts]) for name in ("inputs", "labels"))
    task = Task(Labelled(x, y), target.inputs, None, None, 2, (1,), source_of=np.repeat([0, 1], [4, 10]))
    method = fitted(replace(task, source_names=("a", "b")), 0.01)
    assert method.shares == pytest.approx([0.3, 0.7])
    assert (method.predict_proba(target.inputs).argmax(axis=1) == target.labels).all()
    assert method.history[0] == pytest.approx(
        {"cost": 0, "shifted": 11 / 14 - 0.3, "sure": 1, "agrees": 1}, abs=1e-9
    )  # the pool has 11 of 14 in class 0


def test_where_entropy_decides_shares_are_the_geometric_mean_of_the_sources():
    # (1/2, 1/2) and (9/10, 1/10): roots of 9/20 and 1/20, that is 3 : 1
    parts = [line([2, 2]), line([9, 1])]
    costs = [cdist(part.inputs, [[0.0], [1], [4]], "sqeuclidean") / 100 for part in parts]
    shares, plans = transported_shares(costs, [part.labels for part in parts], 1e7)
    assert shares == pytest.approx([0.75, 0.25], abs=1e-6)
    assert plans[0].sum(axis=1) == pytest.approx([0.375, 0.375, 0.125, 0.125], abs=1e-6)


def entropic_value(cost, mass, reg):
    """Least <g, cost> + reg sum g (log g - 1) over plans of these row sums and even column sums, in logarithms."""
    g = ot.sinkhorn(mass, np.full(cost.shape[1], 1 / cost.shape[1]), cost, reg, method="sinkhorn_log", stopThr=1e-12)
    return (g * cost).sum() + reg * (xlogy(g, g) - g).sum()


def test_shares_make_the_sum_of_the_transports_least():
    rng = np.random.default_rng(0)
    costs, labels, reg = [rng.random((5, 4)), rng.random((7, 4))], [np.array([0, 0, 1, 0, 1]), np.arange(7) // 6], 0.2

    def total(share):
        h = np.array([share, 1 - share])
        masses = [(h / np.bincount(own))[own] for own in labels]
        return sum(entropic_value(cost, mass, reg) for cost, mass in zip(costs, masses, strict=True))

    best = minimize_scalar(total, bounds=(0.01, 0.99), method="bounded", options={"xatol": 1e-7}).x
    assert transported_shares(costs, labels, reg)[0] == pytest.approx([best, 1 - best], abs=1e-4)
    assert not 0.45 < best < 0.55


def loss(plans, costs, reg):
    return sum((g * c).sum() + reg * (xlogy(g, g) - g).sum() for g, c in zip(plans, costs, strict=True))


def test_pots_plans_meet_the_same_margins_and_cost_more():
    scale = np.sqrt(cdist(SOURCE, TARGET, "sqeuclidean").max())
    rows = [SOURCE[np.equal(OF, k)] / scale for k in range(2)]
    shares, log = ot.bregman.jcpot_barycenter(
        rows, [own.copy() for own in PARTS[1]], TARGET / scale, 0.05, numItermax=5000, stopThr=1e-12, log=True
    )
    got, plans = transported_shares(*PARTS, 0.05)
    for mine, theirs, own in zip(plans, log["gamma"], PARTS[1], strict=True):
        for plan, h in ((mine, got), (theirs, shares)):
            np.testing.assert_allclose(plan.sum(axis=0), 1 / 24, atol=1e-7)
            np.testing.assert_allclose(plan.sum(axis=1), (h / np.bincount(own))[own], atol=1e-7)
    assert loss(plans, PARTS[0], 0.05) < loss(log["gamma"], PARTS[0], 0.05) - 1e-5
    assert np.abs(got - shares).max() < 0.05  # near one another all the same


def test_the_classifier_gets_the_target_with_the_labels_that_the_plans_send():
    shots = Labelled(TEST[:3], np.arange(3))
    method = fitted(replace(TWO, shots=shots))
    _, plans = transported_shares(*PARTS, 0.05)
    sent = 24 * np.mean(
        [[p[own == c].sum(axis=0) for c in range(3)] for p, own in zip(plans, PARTS[1], strict=True)], 0
    )
    np.testing.assert_allclose(sent.sum(axis=0), 1, atol=1e-6)
    x = np.concatenate([np.tile(TARGET, (3, 1)), shots.inputs])
    want = logistic().fit(
        x, np.concatenate([np.repeat(np.arange(3), 24), np.arange(3)]), np.append(sent.ravel(), [1, 1, 1])
    )
    np.testing.assert_allclose(method.predict_proba(TEST), want.predict_proba(TEST), atol=1e-4)
    assert method.history[0]["sure"] == pytest.approx(sent.max(axis=0).mean())


def test_a_source_by_itself_and_given_twice_say_the_same():
    one = fitted(TASK)
    twice = replace(
        TASK,
        source=Labelled(np.tile(SOURCE, (2, 1)), np.tile(LABELS, 2)),
        source_of=np.repeat([0, 1], 30),
        source_names=("a", "b"),
    )
    np.testing.assert_allclose(fitted(twice).predict_proba(TEST), one.predict_proba(TEST), atol=1e-6)
    assert np.abs(fitted().predict_proba(TEST) - one.predict_proba(TEST)).max() > 1e-3  # kept apart is not pooled


def test_sparse_rows_another_order_a_rotation_and_other_names_change_nothing():
    want, order = fitted().predict_proba(TEST), np.random.default_rng(1).permutation(30)
    sparse = replace(
        TWO,
        source=Labelled(sp.csr_matrix(SOURCE[order]), LABELS[order]),
        target=sp.csr_matrix(TARGET[::-1]),
        source_of=OF[order],
    )
    np.testing.assert_allclose(fitted(sparse).predict_proba(sp.csr_matrix(TEST)), want, atol=1e-3)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))[0]
    turned = replace(TWO, source=Labelled(SOURCE @ turn, LABELS), target=TARGET @ turn)
    np.testing.assert_allclose(fitted(turned).predict_proba(TEST @ turn), want, atol=1e-3)
    renamed = fitted(replace(TWO, source=Labelled(SOURCE, 3 - LABELS), n_classes=4))  # class 0 is nobody's
    np.testing.assert_allclose(renamed.predict_proba(TEST)[:, [3, 2, 1]], want, atol=1e-3)
    assert renamed.shares[0] == 0
    assert not renamed.predict_proba(TEST)[:, 0].any()


def test_a_source_that_lacks_a_class_is_refused():
    with pytest.raises(Refused, match=r"every class in every source, and top lacks class 2\."):
        fitted(replace(TWO, source_of=OF * (LABELS < 2)))


def test_plans_that_are_not_found_are_refused(monkeypatch):
    monkeypatch.setattr(target_shares, "MOST_SWEEPS", 2)
    with pytest.raises(Refused, match=r"2 sources and 24 target examples .* after 2 sweeps at method\.reg=0\.01,"):
        fitted(reg=0.01)


@pytest.mark.parametrize("reg", [0.0024, float("nan")])
def test_reg_below_what_numbers_hold_is_refused(reg):
    with pytest.raises(TlbenchError, match=r"method\.reg must be 0\.0025 or more"):
        Jcpot(reg=reg, classifier=logistic())
    assert fitted(reg=0.0025).shares.sum() == pytest.approx(1)
