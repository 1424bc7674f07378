import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.kernel_ridge import KernelRidge as Reference
from sklearn.neighbors import NearestCentroid

from tlbench.classifiers.closed_forms import KernelRidge, NearestMean
from tlbench.errors import TlbenchError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 5)) + np.eye(4, 5)[np.arange(40) % 4] * 2, np.arange(40) % 4
NEW = RNG.normal(size=(15, 5))


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ridge(**changed):
    return KernelRidge(n_classes=5, seed=0, **{"ridge": 0.2, "gamma": 0.7, **changed})


def test_the_nearest_mean_is_the_nearest_centroid():
    ours = NearestMean(n_classes=5, seed=0).fit(X, Y)
    assert (ours.predict_proba(NEW).argmax(axis=1) == NearestCentroid().fit(X, Y).predict(NEW)).all()
    assert (ours.predict_proba(NEW)[:, 4] == 0).all()
    # means 0 and 2, a row at 0.5: exp(-0.25 / 2) against exp(-2.25 / 2), so odds of e
    two = NearestMean(n_classes=2, seed=0).fit(np.array([[0.0], [2.0]]), np.array([0, 1]))
    odds = np.divide(*two.predict_proba(np.array([[0.5]]))[0])
    assert odds == pytest.approx(np.e)


def test_weights_move_a_mean_as_repeated_rows_do():
    weighted = NearestMean(n_classes=2, seed=0).fit(
        np.array([[0.0], [3.0], [9.0]]), np.array([0, 0, 1]), np.array([2.0, 1, 1])
    )
    assert weighted.means_KD.ravel() == pytest.approx([1.0, 9.0])


def test_kernel_ridge_is_scikit_learns_on_rows_of_unit_length():
    want = Reference(alpha=0.2, kernel="rbf", gamma=0.7).fit(unit(X), np.eye(5)[Y]).predict(unit(NEW))
    ours = ridge().fit(X, Y)
    assert ours.decision(NEW) == pytest.approx(want)
    odds = np.exp(want[:, :4]) / np.exp(want[:, :4]).sum(axis=1, keepdims=True)
    assert ours.predict_proba(NEW) == pytest.approx(np.pad(odds, ((0, 0), (0, 1))))
    assert ridge().fit(3 * X, Y).predict_proba(7 * NEW) == pytest.approx(ours.predict_proba(NEW))


def test_weights_are_those_of_weighted_least_squares():
    weights = RNG.uniform(0.2, 2, size=40)
    want = Reference(alpha=0.2, kernel="rbf", gamma=0.7).fit(unit(X), np.eye(5)[Y], sample_weight=weights)
    assert ridge().fit(X, Y, weights).decision(NEW) == pytest.approx(want.predict(unit(NEW)))
    assert (ridge().fit(X, Y, np.ones(40)).decision(NEW) == ridge().fit(X, Y).decision(NEW)).all()


@pytest.mark.parametrize("make", [ridge, lambda: NearestMean(n_classes=5, seed=0)])
def test_sparse_rows_give_what_dense_ones_give(make):
    sparse = make().fit(sp.csr_matrix(X), Y).predict_proba(sp.csr_matrix(NEW))
    assert sparse == pytest.approx(make().fit(X, Y).predict_proba(NEW))


def test_the_kernel_is_gaussian_in_angles():
    assert ridge(gamma=2.0).kernel(X, NEW) == pytest.approx(np.exp(-2 * cdist(unit(X), unit(NEW)) ** 2))


@pytest.mark.parametrize("wrong", [{"ridge": 0.0}, {"gamma": 0.0}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(TlbenchError, match=r"classifier\.ridge and classifier\.gamma must be above 0"):
        ridge(**wrong)
