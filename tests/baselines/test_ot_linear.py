from dataclasses import replace

import numpy as np
import ot
import pytest
import scipy.sparse as sp
from scipy.linalg import sqrtm

from baselines.coral_linear import recolour
from baselines.ot_linear import OtLinear
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM
from tlbench.errors import TlbenchError
from tlbench.functional.gaussian_map import gaussian_map
from tlbench.running.kept_model import load_estimator, save_learner
from tlbench.tasks import Labelled


def draw(n: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + seed


def svm():
    return LinearSVM(n_classes=2, seed=0, C=1.0)


def test_closed_form():
    # (3, -3) + 5 has variance 18, (1, -1) - 2 variance 2; with a ridge of 2 T = sqrt(4 / 20), and 9 is 4 above its mean
    move = gaussian_map(np.array([[8.0], [2]]), np.array([[-1.0], [-3]]), 2.0)
    assert move(np.array([[9.0]])).item() == pytest.approx(-2 + 4 / np.sqrt(5))


@pytest.mark.parametrize(("n", "m", "width"), [(30, 20, 4), (5, 40, 12), (4, 5, 12), (2, 2, 6)])
@pytest.mark.parametrize("ridge", [1.0, 0.3])
def test_agrees_with_matrix_square_roots(n, m, width, ridge):
    xs, xt, new = draw(n, width), draw(m, width, 1), draw(7, width, 2)
    a, b = (np.cov(x.T) + ridge * np.eye(width) for x in (xs, xt))
    root = np.real(sqrtm(a))
    want = np.linalg.inv(root) @ np.real(sqrtm(root @ b @ root)) @ np.linalg.inv(root)
    move = gaussian_map(xs, xt, ridge)
    np.testing.assert_allclose(move(new), xt.mean(axis=0) + (new - xs.mean(axis=0)) @ want, rtol=1e-6, atol=1e-7)
    matrix = move(np.eye(width)) - move(np.zeros((width, width)))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    np.testing.assert_allclose(matrix @ a @ matrix, b, atol=1e-7)
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_pots_function_agrees_where_both_domains_have_as_many_rows():
    # it divides by n: both covariances are (n - 1) / n of those here, and so must be the ridge
    xs, xt = draw(15, 4), draw(15, 4, 1)
    matrix, offset = ot.gaussian.empirical_bures_wasserstein_mapping(xs, xt, reg=0.7 * 14 / 15)
    np.testing.assert_allclose(gaussian_map(xs, xt, 0.7)(xs), xs @ matrix + offset, rtol=1e-6)


def test_the_moved_source_has_the_targets_mean_and_covariance_as_the_ridge_vanishes():
    xs, xt = draw(200, 3), draw(300, 3, 1)
    moved = gaussian_map(xs, xt, 1e-10)(xs)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(xt.T), rtol=1e-6)
    np.testing.assert_allclose(moved.mean(axis=0), xt.mean(axis=0))


def test_equal_covariances_leave_a_shift():
    xs = draw(9, 4)
    np.testing.assert_allclose(gaussian_map(xs, xs + 3, 1.0)(xs), xs + 3, atol=1e-9)
    wide = draw(3, 9)
    np.testing.assert_allclose(gaussian_map(wide, wide + 3, 1.0)(wide), wide + 3, atol=1e-9)


def test_covariances_of_the_same_axes_give_coral_and_a_shift():
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    both = np.concatenate([np.eye(4), -np.eye(4)])
    xs, xt = both * [1, 2, 3, 4] @ axes, both * [3, 1, 2, 2] @ axes
    np.testing.assert_allclose(gaussian_map(xs + 1, xt - 2, 0.5)(xs + 1), recolour(xs, xt, 0.5) - 2, atol=1e-9)
    other = both * [3, 1, 2, 2]
    assert not np.allclose(gaussian_map(xs, other, 0.5)(xs), recolour(xs, other, 0.5), atol=1e-2)


def test_one_row_two_widths_and_no_ridge_are_refused():
    gaussian_map(draw(2, 3), draw(2, 3, 1), 1e-3)
    for xs, xt, ridge in (
        (draw(1, 3), draw(2, 3), 1.0),
        (draw(2, 3), draw(1, 3), 1.0),
        (draw(2, 3), draw(2, 4), 1.0),
        (draw(2, 3), draw(2, 3), 0.0),
    ):
        with pytest.raises(ValueError, match="two or more rows of one width and a ridge above 0"):
            gaussian_map(xs, xt, ridge)


def test_the_classifier_sees_the_moved_source_and_the_shots_as_they_are():
    task, held_out = gaussian_task(shots_per_class=2)
    method = OtLinear(ridge=1.0, classifier=svm()).fit(task)
    move = gaussian_map(task.source.inputs, task.target, 1.0)
    x = np.concatenate([move(task.source.inputs), task.shots.inputs])
    want = svm().fit(x, np.concatenate([task.source.labels, task.shots.labels]))
    test = held_out.test.inputs
    np.testing.assert_allclose(method.predict_proba(test), want.predict_proba(test))
    np.testing.assert_allclose(method.predict_proba(test, "source"), want.predict_proba(move(test)))
    np.testing.assert_array_equal(method.features(test, "target"), test)


def test_sparse_rows_another_order_and_a_rotation_change_nothing():
    task, held_out = gaussian_task()
    xs, ys, test = task.source.inputs, task.source.labels, held_out.test.inputs
    want = OtLinear(ridge=1.0, classifier=svm()).fit(task).features(test, "source")
    sparse = replace(task, source=Labelled(sp.csr_matrix(xs[::-1]), ys[::-1]), target=sp.csr_matrix(task.target[::-1]))
    got = OtLinear(ridge=1.0, classifier=svm()).fit(sparse)
    np.testing.assert_allclose(got.features(sp.csr_matrix(test), "source"), want)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    turned = replace(task, source=Labelled(xs @ turn, ys), target=task.target @ turn)
    got = OtLinear(ridge=1.0, classifier=svm()).fit(turned)
    np.testing.assert_allclose(got.features(test @ turn, "source"), want @ turn)


def test_a_kept_model_moves_the_source_as_before(tmp_path):
    task, held_out = gaussian_task()
    method = OtLinear(ridge=1.0, classifier=svm()).fit(task)
    loaded = load_estimator(save_learner(method, tmp_path), OtLinear)
    for domain in ("source", "target"):
        want = method.predict_proba(held_out.test.inputs, domain)
        np.testing.assert_array_equal(loaded.predict_proba(held_out.test.inputs, domain), want)


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("nan")])
def test_a_ridge_of_zero_or_less_is_refused(ridge):
    with pytest.raises(TlbenchError, match=r"method\.ridge must be above 0"):
        OtLinear(ridge=ridge, classifier=svm())
