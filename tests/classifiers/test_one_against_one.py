"""Decisions by weights are scikit-learn's by kernels."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.svm import SVC

from tlbench.classifiers.estimators import LinearSVM, RbfSVM
from tlbench.classifiers.one_against_one import decisions, pair_weights, pays


def problem(classes, n=60, width=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return rng.normal(size=(n, width)) + np.eye(width)[labels], labels


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_decisions_are_scikit_learns(classes, kind):
    (x, y), (test, _) = problem(classes), problem(classes, n=100, seed=1)
    model = SVC(C=0.3, kernel="precomputed").fit(x @ x.T, 3 * y + 1, sample_weight=np.linspace(0.2, 1.8, len(y)))
    got = decisions(model, pair_weights(model, kind(x)), kind(test))
    np.testing.assert_allclose(got, model.decision_function(test @ x.T), atol=1e-12)


def test_weights_pay_where_pairs_are_fewer_than_support_vectors():
    x, y = problem(6, n=24)
    assert pays(SVC(kernel="precomputed").fit(x @ x.T, y))  # 15 pairs, 24 examples close together
    few = np.eye(6)[:6]
    assert not pays(SVC(kernel="precomputed").fit(few @ few.T, np.arange(6)))  # 15 pairs, 6 examples


@pytest.mark.parametrize("kind", [LinearSVM, RbfSVM])
def test_rows_that_were_fitted_on_and_copies_of_them_are_predicted_alike(kind):
    x, y = problem(4)
    model = kind(n_classes=4, seed=0, C=1.0).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x), model.predict_proba(x.copy()), atol=1e-12)


def test_a_new_fit_is_not_predicted_by_the_weights_of_the_last():
    (x, y), (test, _) = problem(3), problem(3, n=30, seed=1)
    model = LinearSVM(n_classes=3, seed=0, C=1.0).fit(x, y)
    before = model.predict_proba(test)
    after = model.fit(x, (y + 1) % 3).predict_proba(test)
    np.testing.assert_allclose(after, np.roll(before, 1, axis=1), atol=1e-3)
