"""ot_sinkhorn and ot_group: where plans carry the source, and what the classifier gets."""

from dataclasses import replace

import numpy as np
import ot
import pytest
import scipy.sparse as sp

from baselines.ot_group import OtGroup
from baselines.ot_sinkhorn import OtSinkhorn
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM, NearestNeighbour
from tlbench.errors import TlbenchError
from tlbench.functional import transport
from tlbench.functional.class_transport import group_lasso_plan
from tlbench.functional.transport import entropic_plan, scaled_cost
from tlbench.tasks import Labelled

TASK, HELD = gaussian_task()
XS, YS, XT, TEST = TASK.source.inputs, TASK.source.labels, TASK.target, HELD.test.inputs
COST = scaled_cost(XS, XT, np.max)


def svm(n_classes=2):
    return LinearSVM(n_classes=n_classes, seed=0, C=1.0)


METHODS = {
    "ot_sinkhorn": lambda c: OtSinkhorn(reg=0.05, classifier=c),
    "ot_group": lambda c: OtGroup(reg=0.05, eta=0.1, rounds=50, classifier=c),
}
PLANS = {
    "ot_sinkhorn": lambda: entropic_plan(COST, 0.05),
    "ot_group": lambda: group_lasso_plan(COST, YS, reg=0.05, eta=0.1, rounds=50)[0],
}


def images(plan, target=XT):
    """Means of the target, row by row."""
    return np.stack([np.average(target, axis=0, weights=row) for row in plan])


@pytest.mark.parametrize("name", METHODS)
def test_the_classifier_sees_the_moved_source_and_the_shots_as_they_are(name):
    task, _ = gaussian_task(shots_per_class=3)
    method = METHODS[name](svm()).fit(task)
    x = np.concatenate([images(PLANS[name]()), task.shots.inputs])
    want = svm().fit(x, np.concatenate([task.source.labels, task.shots.labels]))
    np.testing.assert_allclose(method.predict_proba(TEST), want.predict_proba(TEST), atol=1e-8)
    without = METHODS[name](svm()).fit(TASK)
    assert not np.allclose(without.predict_proba(TEST), want.predict_proba(TEST))


@pytest.mark.parametrize("name", METHODS)
def test_other_rows_of_the_source_move_as_the_nearest_training_row_and_the_target_stays(name):
    method = METHODS[name](svm()).fit(TASK)
    moved = images(PLANS[name]())
    np.testing.assert_allclose(method.features(XS, "source"), moved, atol=1e-8)
    new = np.random.default_rng(5).normal(size=(9, 3))
    place = [int(np.argmin([np.linalg.norm(row - x) for x in XS])) for row in new]
    np.testing.assert_allclose(method.features(new, "source"), new + (moved - XS)[place], atol=1e-8)
    np.testing.assert_array_equal(method.features(TEST, "target"), TEST)


def test_examples_of_two_classes_at_one_place_may_go_to_two():
    xs, ys = np.concatenate([XS, XS[:1]]), np.append(YS, 1 - YS[0])
    method = METHODS["ot_group"](svm())
    moved = method.learn(xs, ys, XT)
    assert np.linalg.norm(moved[0] - moved[-1]) > 0.05
    assert np.linalg.norm(np.subtract(*METHODS["ot_sinkhorn"](svm()).learn(xs, ys, XT)[[0, -1]])) < 1e-8


def test_a_shifted_copy_of_the_source_gets_the_source_shifted_where_there_is_hardly_any_entropy():
    grid = np.stack(np.meshgrid(np.arange(4.0), np.arange(3.0)), -1).reshape(-1, 2)
    target = grid[np.random.default_rng(0).permutation(12)] + 0.2
    moved = OtSinkhorn(reg=0.002, classifier=svm()).learn(grid, np.arange(12) % 2, target)
    np.testing.assert_allclose(moved, grid + 0.2, atol=1e-4)


def test_where_entropy_decides_the_source_is_filtered_by_the_targets_covariance():
    reg, largest = 1e4, ((XS[:, None] - XT[None]) ** 2).sum(-1).max()
    method = OtSinkhorn(reg=reg, classifier=svm())
    beyond = (method.learn(XS, YS, XT) - XT.mean(axis=0)) * reg * largest / 2
    want = (XS - XS.mean(axis=0)) @ np.cov(XT.T, bias=True)
    np.testing.assert_allclose(beyond, want, atol=2e-3 * np.abs(want).max())
    assert method.history[0]["reach"] == pytest.approx(len(XT), rel=1e-6)
    assert method.history[0]["cost"] == pytest.approx(COST.mean(), rel=1e-3)


def test_pots_own_classes_agree():
    new = np.random.default_rng(5).normal(size=(9, 3))
    theirs = ot.da.SinkhornTransport(
        reg_e=0.05, norm="max", method="sinkhorn_log", out_of_sample_map="ferradans", max_iter=5000, tol=1e-9
    ).fit(Xs=XS, Xt=XT)
    mine = METHODS["ot_sinkhorn"](svm()).fit(TASK)
    for rows in (XS, new):
        np.testing.assert_allclose(mine.features(rows, "source"), theirs.transform(Xs=rows), atol=1e-6)
    theirs = ot.da.SinkhornL1l2Transport(reg_e=1.0, reg_cl=0.01, norm="max", max_inner_iter=5000).fit(
        Xs=XS, ys=YS, Xt=XT
    )
    mine = OtGroup(reg=1.0, eta=0.01, rounds=50, classifier=svm()).fit(TASK)
    np.testing.assert_allclose(mine.features(XS, "source"), theirs.transform(Xs=XS), atol=5e-4)


def test_without_penalty_ot_group_is_ot_sinkhorn():
    one, two = OtSinkhorn(reg=0.1, classifier=svm()), OtGroup(reg=0.1, eta=0.0, rounds=5, classifier=svm())
    np.testing.assert_array_equal(one.fit(TASK).predict_proba(TEST), two.fit(TASK).predict_proba(TEST))


@pytest.mark.parametrize("name", METHODS)
def test_sparse_rows_another_order_and_a_rotation_change_nothing(name):
    want = METHODS[name](svm()).fit(TASK).predict_proba(TEST)
    order = np.random.default_rng(1).permutation(len(XS))
    sparse = replace(TASK, source=Labelled(sp.csr_matrix(XS[order]), YS[order]), target=sp.csr_matrix(XT[::-1]))
    np.testing.assert_allclose(METHODS[name](svm()).fit(sparse).predict_proba(sp.csr_matrix(TEST)), want, atol=1e-3)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    turned = replace(TASK, source=Labelled(XS @ turn + 1, YS), target=XT @ turn + 1)
    np.testing.assert_allclose(METHODS[name](svm()).fit(turned).predict_proba(TEST @ turn + 1), want, atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_the_names_of_classes_change_nothing_and_one_that_the_source_lacks_has_no_chance(name):
    one = METHODS[name](NearestNeighbour(n_classes=2, seed=0)).fit(TASK)
    renamed = replace(TASK, source=Labelled(XS, 2 - 2 * YS), n_classes=3)
    two = METHODS[name](NearestNeighbour(n_classes=3, seed=0)).fit(renamed)
    np.testing.assert_allclose(two.features(XS, "source"), one.features(XS, "source"), atol=1e-9)
    np.testing.assert_array_equal(two.predict_proba(TEST)[:, [2, 0]], one.predict_proba(TEST))
    assert not two.predict_proba(TEST)[:, 1].any()


@pytest.mark.parametrize("name", METHODS)
def test_a_single_target_row_gets_everything(name):
    moved = METHODS[name](svm()).learn(XS, YS, XT[:1])
    np.testing.assert_allclose(moved, np.repeat(XT[:1], len(XS), axis=0))


@pytest.mark.parametrize("name", METHODS)
def test_pot_is_asked_for_when_a_run_is_planned(name, monkeypatch):
    METHODS[name](svm())
    monkeypatch.setattr(transport, "find_spec", lambda module: None)
    with pytest.raises(TlbenchError, match=rf"method={name} needs the library 'ot' .*tlbench\[ot\]"):
        METHODS[name](svm())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda c: OtSinkhorn(reg=0.0, classifier=c), r"method\.reg must be above 0, got 0"),
        (lambda c: OtSinkhorn(reg=float("nan"), classifier=c), r"method\.reg"),
        (lambda c: OtGroup(reg=0.0, eta=0.1, rounds=1, classifier=c), r"method\.reg must be above 0"),
        (lambda c: OtGroup(reg=0.1, eta=-0.1, rounds=1, classifier=c), r"method\.eta 0 or more, got 0\.1 and -0\.1"),
        (lambda c: OtGroup(reg=0.1, eta=0.1, rounds=0, classifier=c), r"method\.rounds must be 1 or more, got 0"),
    ],
)
def test_values_out_of_range_are_refused(make, told):
    OtSinkhorn(reg=1e-9, classifier=svm()), OtGroup(reg=1e-9, eta=0.0, rounds=1, classifier=svm())
    with pytest.raises(TlbenchError, match=told):
        make(NearestNeighbour(n_classes=2, seed=0))
