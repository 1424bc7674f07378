import copy

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from tlbench.classifiers import wide_logistic as wide
from tlbench.classifiers.estimators import Logistic


def problem(n: int, width: int, seed: int = 0, classes=(0, 1, 3, 4)):
    rng = np.random.default_rng(seed)
    labels = np.array(classes)[np.arange(n) % len(classes)]
    x = rng.normal(size=(n, width)) * rng.uniform(0.3, 3, width) + rng.normal(size=(5, width))[labels]
    x[: n // 6] = x[n // 6 : 2 * (n // 6)]  # equal rows under other labels, and rows that depend on each other
    return x, labels, rng.uniform(0.01, 3, n)


def loss_and_steepest(model, x, y, weights):
    """The mean loss with its penalty, and the largest entry of its gradient in all features."""
    right, share = np.searchsorted(model.classes_, y), weights / weights.sum()
    log_p = log_softmax(x @ model.coef_.T + model.intercept_, axis=1)
    penalty = 1 / (model.C * weights.sum())
    pull = share[:, None] * (np.exp(log_p) - np.eye(len(model.classes_))[right])
    gradient = pull.T @ x + penalty * model.coef_
    loss = -share @ log_p[np.arange(len(y)), right] + penalty / 2 * (model.coef_**2).sum()
    return loss, max(np.abs(gradient).max(), np.abs(pull.sum(axis=0)).max())


@pytest.mark.parametrize("C", [1e-4, 1e-2, 1.0, 100.0])
@pytest.mark.parametrize(("n", "width"), [(20, 21), (30, 200), (25, 60)])
def test_it_takes_scikit_learns_steps(n, width, C):
    x, y, weights = problem(n, width)
    want = LogisticRegression(C=C, max_iter=1000).fit(x, y, sample_weight=weights)
    got = wide.fitted_model(wide.Span.of(x), y, weights, LogisticRegression(C=C, max_iter=1000))
    test = problem(50, width, seed=1)[0]
    if want.n_iter_ >= 100:
        # rounding grows with the steps: scikit-learn's own predictions move by 0.005 here with its columns in another order
        (ours, steepest), (theirs, _) = loss_and_steepest(got, x, y, weights), loss_and_steepest(want, x, y, weights)
        assert ours == pytest.approx(theirs, rel=1e-5)
        assert steepest <= wide.TOLERANCE
        return
    assert got.n_iter_ == want.n_iter_
    scale = (
        1e-7 * np.abs(want.coef_).max()
    )  # of the largest weight: a processor's rounding moves small ones by more of their own
    np.testing.assert_allclose(got.coef_, want.coef_, rtol=1e-6, atol=scale)
    np.testing.assert_allclose(got.intercept_, want.intercept_, rtol=1e-6, atol=scale)
    np.testing.assert_allclose(got.predict_proba(test), want.predict_proba(test), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(got.predict(test), want.predict(test))


def test_what_it_is_for():
    x, y, _ = problem(20, 30)
    assert wide.fits_in(x, y)
    for other, labels in ((x[:, :20], y), (sp.csr_matrix(x), y), (x.astype(np.float32), y), (x, np.minimum(y, 1))):
        assert not wide.fits_in(other, labels)


def test_a_classifier_uses_it_where_there_are_weights(monkeypatch):
    calls = []
    plain = wide.fitted_model
    monkeypatch.setattr(wide, "fitted_model", lambda *args: calls.append(args) or plain(*args))
    x, y, weights = problem(20, 30)
    for args, used in (
        ((x, y, weights), 1),
        ((x, y), 0),
        ((x[:, :15], y, weights), 0),
        ((sp.csr_matrix(x), y, weights), 0),
    ):
        calls.clear()
        found = Logistic(n_classes=5, seed=0, C=0.5).fit(*args).predict_proba(args[0])
        assert len(calls) == used
        want = LogisticRegression(C=0.5, max_iter=1000).fit(args[0], y, *args[2:]).predict_proba(args[0])
        np.testing.assert_allclose(found[:, [0, 1, 3, 4]], want, atol=1e-8)
        assert not found[:, 2].any()


def test_a_span_serves_copies_and_no_other_rows():
    x, y, weights = problem(20, 30)
    first = Logistic(n_classes=5, seed=0, C=1.0).fit(x, y, weights)
    copied = copy.copy(first).fit(x, y, weights[::-1])
    assert first._spans is copied._spans
    other = problem(20, 30, seed=2)[0]
    want = Logistic(n_classes=5, seed=0, C=1.0).fit(other, y, weights).predict_proba(x)
    np.testing.assert_array_equal(copied.fit(other, y, weights).predict_proba(x), want)


def test_no_convergence_is_left_to_scikit_learn_and_so_is_what_is_not_finite():
    x, y, weights = problem(20, 30)
    assert wide.fitted_model(wide.Span.of(x), y, weights, LogisticRegression(max_iter=2)) is None
    x[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        Logistic(n_classes=5, seed=0, C=1.0).fit(x, y, weights)
