from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression

from baselines.jdot import Jdot, joint_cost, sent_labels
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM, Logistic, NearestNeighbour
from tlbench.errors import Refused, TlbenchError
from tlbench.functional import transport
from tlbench.tasks import Labelled

TASK, HELD = gaussian_task(n=40, m=40, shift=1.5)
XS, YS, XT, TEST = TASK.source.inputs, TASK.source.labels, TASK.target, HELD.test.inputs
UNEQUAL, _ = gaussian_task(n=40, m=27, shift=1.5)


def logistic(n_classes=2, C=1.0):
    return Logistic(n_classes=n_classes, seed=0, C=C)


class Spy(Logistic):
    """Keeps what it is fitted on."""

    fits: list

    def fit(self, x, y, weights=None):
        self.fits = [*getattr(self, "fits", []), (x, y, weights)]
        return super().fit(x, y, weights)


def spied(task, **how):
    method = Jdot(**{"weight": 0.5, "rounds": 20, "classifier": Spy(n_classes=task.n_classes, seed=0, C=1.0), **how})
    method.fit(task)
    return method, method.classifier.fits


def test_labels_are_sent_in_shares():
    # two target rows get 1/2 each; the first .3 of class 1 and .2 of class 0: shares .4 and .6
    plan = np.array([[0.3, 0.05], [0.2, 0.15], [0.0, 0.3]])
    got = sent_labels(plan, np.array([1, 0, 1]), 3)
    np.testing.assert_allclose(got, [[0.4, 0.6, 0], [0.3, 0.7, 0]])


def test_the_cost_mixes_distances_and_cross_entropies():
    # 3/4 of 2 and 1/4 of ln 4 (class 1 at z_0); a confidence of 0 costs ln 1e12
    inputs, given = np.array([[2.0, 0.0], [4.0, 1.0]]), np.array([[0.75, 0.25], [1.0, 0.0]])
    got = joint_cost(inputs, np.array([1, 0]), given, 0.25)
    want = [[1.5 + np.log(4) / 4, 12 * np.log(10) / 4], [3 + np.log(4 / 3) / 4, 0.75]]
    np.testing.assert_allclose(got, want)


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.9])
def test_as_many_rows_on_both_sides_make_it_a_series_of_assignments(weight):
    inputs = cdist(XS, XT, "sqeuclidean")
    inputs /= inputs.mean()
    cost, before, rounds = inputs, None, 0
    while True:
        source_of = np.argsort(linear_sum_assignment(cost)[1])  # of each target row
        if before is not None and (YS[source_of] == YS[before]).all():
            break
        before, rounds = source_of, rounds + 1
        model = LogisticRegression(C=1.0, max_iter=1000, tol=1e-8).fit(XT, YS[source_of])
        cost = (1 - weight) * inputs - weight * np.log(model.predict_proba(XT)).T[YS]
    method = Jdot(weight=weight, rounds=50, classifier=logistic()).fit(TASK)
    np.testing.assert_allclose(method.predict_proba(TEST), model.predict_proba(TEST), atol=2e-3)
    assert len(method.history) == rounds + 1
    assert method.history[0]["plan_changed"] == pytest.approx(1)
    mean = cost[before, np.arange(len(XT))].mean()
    assert method.history[-1]["cost"] == pytest.approx(mean, rel=1e-3)
    agree = (model.predict(XT) == YS[source_of]).mean()
    assert method.history[-1]["agrees"] == pytest.approx(agree, abs=0.03)


def test_the_label_cost_has_a_part_in_it():
    one, two = (Jdot(weight=w, rounds=20, classifier=logistic()).fit(TASK).predict_proba(TEST) for w in (0.0, 0.5))
    assert np.abs(one - two).max() > 0.02


def test_without_label_cost_the_plan_of_the_inputs_labels_the_target():
    method, fits = spied(UNEQUAL, weight=0.0)
    assert len(fits) == 1
    plan = transport.exact_plan(transport.scaled_cost(UNEQUAL.source.inputs, UNEQUAL.target, np.max))
    share_M = (plan * UNEQUAL.source.labels[:, None]).sum(axis=0) * 27
    x, y, weights = (np.concatenate([part, part]) for part in (UNEQUAL.target, np.zeros(27, int), 1 - share_M))
    y[27:], weights[27:] = 1, share_M
    want = LogisticRegression(max_iter=1000, tol=1e-8).fit(
        x[weights > 1e-9], y[weights > 1e-9], weights[weights > 1e-9]
    )
    np.testing.assert_allclose(method.predict_proba(TEST), want.predict_proba(TEST), atol=2e-3)
    assert len(method.history) == 2


@pytest.mark.parametrize("shots", [0, 3])
def test_the_classifier_sees_target_rows_whose_weights_sum_to_one_and_shots_of_weight_one(shots):
    task, _ = gaussian_task(n=40, m=27, shots_per_class=shots, shift=1.5)
    _, fits = spied(task)
    for x, y, weights in fits:
        own = len(x) - 2 * shots
        rows = [int(np.flatnonzero((task.target == row).all(axis=1))[0]) for row in x[:own]]
        np.testing.assert_allclose(np.bincount(rows, weights[:own], minlength=27), 1)
        assert len(set(zip(rows, y[:own], strict=True))) == own
        assert weights.min() >= 1e-6 * weights.max()
        if shots:
            np.testing.assert_array_equal(x[own:], task.shots.inputs)
            np.testing.assert_array_equal(y[own:], task.shots.labels)
            np.testing.assert_array_equal(weights[own:], 1)


def test_the_objective_falls_with_what_regularisation_costs():
    # a fit minimises C sum of weights * loss + |w|^2 / 2, so cost + weight / (C M) |w|^2 / 2 falls in both steps
    values = []
    for rounds in range(1, 6):
        method = Jdot(weight=0.7, rounds=rounds, classifier=logistic(C=0.1)).fit(UNEQUAL)
        if len(method.history) < rounds:
            break
        size = np.square(method.classifier.model.coef_).sum() / 2
        values.append(method.history[-1]["cost"] + 0.7 / (0.1 * 27) * size)
    assert len(values) > 2
    assert (np.diff(values) < 1e-6).all()
    assert values[-1] < values[0] - 1e-3


def test_rounds_end_where_only_rows_of_one_class_change_places(monkeypatch):
    # the second plan exchanges the sources of the first two target rows, both of class 0: the labels stay, 2 of 40 rows move
    order = np.argsort(YS, kind="stable")
    other = order[[1, 0, *range(2, 40)]]
    plans = iter([np.eye(40)[rows].T / 40 for rows in (order, other, order, other)])
    monkeypatch.setattr("baselines.jdot.exact_plan", lambda cost: next(plans))
    method, fits = spied(TASK)
    assert len(fits) == 1
    assert [entry["plan_changed"] for entry in method.history] == pytest.approx([1, 2 / 40])


def test_rounds_are_at_most_as_many_as_asked_for():
    method, fits = spied(UNEQUAL, rounds=2, weight=0.7)
    assert len(fits) == len(method.history) == 2
    assert 0 < method.history[1]["plan_changed"] < 1


@pytest.mark.parametrize("make", [logistic, lambda n=2: LinearSVM(n_classes=n, seed=0, C=1.0)])
def test_sparse_rows_another_order_and_a_rotation_change_nothing(make):
    want = Jdot(weight=0.5, rounds=20, classifier=make()).fit(UNEQUAL).predict_proba(TEST)
    xs, ys, xt = UNEQUAL.source.inputs, UNEQUAL.source.labels, UNEQUAL.target
    order = np.random.default_rng(1).permutation(len(xs))
    sparse = replace(UNEQUAL, source=Labelled(sp.csr_matrix(xs[order]), ys[order]), target=sp.csr_matrix(xt[::-1]))
    got = Jdot(weight=0.5, rounds=20, classifier=make()).fit(sparse).predict_proba(sp.csr_matrix(TEST))
    np.testing.assert_allclose(got, want, atol=5e-3)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    turned = replace(UNEQUAL, source=Labelled(xs @ turn, ys), target=xt @ turn)
    got = Jdot(weight=0.5, rounds=20, classifier=make()).fit(turned).predict_proba(TEST @ turn)
    np.testing.assert_allclose(got, want, atol=5e-3)


def test_the_names_of_classes_change_nothing_and_one_that_the_source_lacks_has_no_chance():
    want = Jdot(weight=0.5, rounds=20, classifier=logistic()).fit(UNEQUAL).predict_proba(TEST)
    renamed = replace(UNEQUAL, source=Labelled(UNEQUAL.source.inputs, 2 - 2 * UNEQUAL.source.labels), n_classes=3)
    got = Jdot(weight=0.5, rounds=20, classifier=logistic(3)).fit(renamed).predict_proba(TEST)
    np.testing.assert_allclose(got[:, [2, 0]], want, atol=2e-3)
    assert not got[:, 1].any()


def test_pot_is_asked_for_when_a_run_is_planned(monkeypatch):
    monkeypatch.setattr(transport, "find_spec", lambda module: None)
    with pytest.raises(TlbenchError, match=r"method=jdot needs the library 'ot' .*tlbench\[ot\]"):
        Jdot(weight=0.5, rounds=1, classifier=logistic())


def test_a_classifier_without_weights_is_refused():
    with pytest.raises(Refused, match="takes no weights"):
        Jdot(weight=0.5, rounds=1, classifier=NearestNeighbour(n_classes=2, seed=0)).fit(TASK)


@pytest.mark.parametrize(("weight", "rounds"), [(1.0, 1), (-0.1, 1), (float("nan"), 1), (0.5, 0)])
def test_values_out_of_range_are_refused(weight, rounds):
    Jdot(weight=0.0, rounds=1, classifier=logistic()), Jdot(weight=0.99, rounds=1, classifier=logistic())
    with pytest.raises(TlbenchError, match=rf"method\.weight .* method\.rounds .* got {weight} and {rounds}\."):
        Jdot(weight=weight, rounds=rounds, classifier=logistic())
