"""scl: pivots, regressions and directions against other ways to the same numbers."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import Ridge
from sklearn.metrics import mutual_info_score

from baselines.scl import Scl
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.pivots import information, leading_directions, presence_weights
from tlbench.tasks import Labelled, Task

GIVEN = {"pivots": 4, "frequent": 3, "dim": 2, "ridge": 0.1, "scale": 1.0}


def logistic(n_classes=2):
    return Logistic(n_classes=n_classes, seed=0, C=1.0)


def scl(c=None, **changed):
    return Scl(**{**GIVEN, **changed}, classifier=c or logistic())


def words(n, seed, d=14):
    """Counts of words, each likelier in one of the two classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    rate = np.exp(rng.normal(scale=0.1, size=d) + np.where(np.arange(d) % 3 == 0, 1.0, -0.5) * (2 * y[:, None] - 1))
    return rng.poisson(0.6 * rate).astype(float), y


XS, YS = words(60, 0)
XT, _ = words(50, 1)
TEST, _ = words(30, 2)
TASK = Task(Labelled(XS, YS), XT, None, None, 2, (14,))


def said(task=TASK, test=TEST, **changed):
    return scl(logistic(task.n_classes), **changed).fit(task).predict_proba(test)


def test_information_of_a_word_that_is_the_class_is_ln_2_and_of_one_that_is_not_0():
    # presence = class in halves: sum of 2 times 1/2 ln((1/2) / (1/4)) = ln 2; present in half of each class: 0; always: 0
    here = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1], [0, 0, 1.0]])
    assert information(sp.csc_matrix(here), np.array([0, 0, 1, 1])) == pytest.approx([np.log(2), 0, 0], abs=1e-12)


def test_information_is_scikit_learns():
    labels = np.random.default_rng(3).integers(0, 3, 60) * 2  # class 1 and 3 are absent
    want = [mutual_info_score(labels, column) for column in (XS > 0).T]
    assert information(sp.csc_matrix(XS > 0, dtype=float), labels) == pytest.approx(want)


@pytest.mark.parametrize("n", [60, 7])
def test_weights_are_those_of_a_ridge_regression_with_an_intercept(n):
    x, y = XS[:n, :10], (XS[:n, 10:] > 0).astype(float)
    r = 0.3 * np.square(x - x.mean(axis=0)).sum() / 10
    want = Ridge(alpha=r).fit(x, y)
    got, explained = presence_weights(x, y, 0.3)
    np.testing.assert_allclose(got, want.coef_.T, atol=1e-10)
    left = y - want.predict(x)
    assert explained == pytest.approx(1 - np.square(left).sum() / np.square(y - y.mean(axis=0)).sum())
    np.testing.assert_allclose(presence_weights(sp.csr_matrix(x), y, 0.3)[0], got, atol=1e-10)
    np.testing.assert_allclose(presence_weights(100 * x, 2 * y - 1, 0.3)[0], got / 50, atol=1e-10)


def test_one_word_and_one_pivot_by_hand():
    # x = 0 0 2 2, y = 0 0 1 1 about their means: x'x = 4, x'y = 2; r = 1/2 of 4: w = 2 / (4 + 2) = 1/3;
    # left are -+(1/2 - 1/3), so explained = 1 - (1/6)^2 / (1/2)^2 = 8/9
    w, explained = presence_weights(np.array([[0.0], [0], [2], [2]]), np.array([[0.0], [0], [1], [1]]), 0.5)
    assert w == pytest.approx(np.array([[1 / 3]]))
    assert explained == pytest.approx(8 / 9)


def test_features_that_do_not_vary_predict_nothing():
    w, explained = presence_weights(np.ones((5, 2)), np.eye(5, 3), 1.0)
    assert not w.any()
    assert explained == 0
    assert leading_directions(w, 2).shape == (2, 0)


def test_directions_are_those_of_the_largest_singular_values_and_no_more_than_the_rank():
    w = np.outer([3.0, -4.0], [1.0, 0, 0]) / 5 + 2 * np.outer([4.0, 3.0], [0, 1.0, 0]) / 5
    np.testing.assert_allclose(leading_directions(w, 1), [[0.8], [0.6]], atol=1e-12)
    np.testing.assert_allclose(leading_directions(w, 5), [[0.8, -0.6], [0.6, 0.8]], atol=1e-12)
    assert leading_directions(np.outer([1.0, 2], [3.0, 4]), 2).shape == (2, 1)


def test_the_whole_map_written_again():
    both, n = np.concatenate([XS, XT]), len(XS)
    common = [j for j in range(14) if min((XS[:, j] > 0).sum(), (XT[:, j] > 0).sum()) >= 24]
    assert len(common) < 14
    told = {j: mutual_info_score(YS, XS[:, j] > 0) for j in common}
    pivots = sorted(sorted(common, key=lambda j: -told[j])[:4])
    others = [j for j in range(14) if j not in pivots]
    x = both[:, others]
    alpha = 0.1 * np.square(x - x.mean(axis=0)).sum() / len(others)
    w = Ridge(alpha=alpha).fit(x, np.where(both[:, pivots] > 0, 1.0, -1.0)).coef_.T
    theta = np.linalg.svd(w)[0][:, :2]
    block = x @ theta - (x @ theta).mean(axis=0)
    block *= 3 * np.sqrt((both**2).sum() / (block**2).sum())
    method = scl(frequent=24, scale=3.0).fit(TASK)
    got = method.features(XS, "source")
    np.testing.assert_array_equal(got[:, :14], XS)
    np.testing.assert_allclose(got[:, 14:] @ got[:, 14:].T, block[:n] @ block[:n].T, atol=1e-9)  # but for signs
    np.testing.assert_array_equal(method.features(XT, "target"), method.features(XT, "source"))
    assert method.history[0]["pivots"] == 4
    assert method.history[0]["directions"] == 2
    want = logistic().fit(np.concatenate([XS, block[:n]], axis=1), YS)
    np.testing.assert_allclose(
        method.predict_proba(XT), want.predict_proba(np.concatenate([XT, block[n:]], axis=1)), atol=1e-4
    )


def test_a_word_of_the_target_alone_counts_by_the_pivots_that_it_goes_with():
    # word 0 is the class wherever it is present; the source says it with word 1, the target with word 2: 3 and 4 are noise
    rng = np.random.default_rng(0)

    def rows(own, n=80):
        y = np.arange(n) % 2
        x = (rng.random((n, 5)) < 0.5).astype(float)
        x[:, 0] = y * (rng.random(n) < 0.7)
        x[:, [1, 2]] = 0
        x[:, own] = y
        return x, y

    (xs, ys), (xt, yt) = rows(1), rows(2)
    xt_test = np.where(np.arange(5) == 0, 0.0, xt)  # without the pivot
    task = Task(Labelled(xs, ys), xt, None, None, 2, (5,))
    plain = logistic().fit(xs, ys).predict_proba(xt_test).argmax(axis=1)
    mine = said(task, xt_test, pivots=1, frequent=10, dim=1, scale=3.0).argmax(axis=1)
    assert (plain == yt).mean() < 0.7
    assert (mine == yt).mean() == 1


def test_at_scale_0_it_is_the_source_alone():
    np.testing.assert_allclose(said(scale=0.0), logistic().fit(XS, YS).predict_proba(TEST), atol=1e-4)


def test_sparse_rows_another_order_and_other_names_change_nothing():
    want, order = said(), np.random.default_rng(1).permutation(60)
    sparse = replace(TASK, source=Labelled(sp.csr_matrix(XS[order]), YS[order]), target=sp.csr_matrix(XT[::-1]))
    method = scl().fit(sparse)
    assert sp.issparse(method.features(sparse.target, "target"))
    np.testing.assert_allclose(method.predict_proba(sp.csr_matrix(TEST)), want, atol=1e-3)
    renamed = replace(TASK, source=Labelled(XS, 2 - 2 * YS), n_classes=3)
    np.testing.assert_allclose(said(renamed)[:, [2, 0]], want, atol=1e-3)
    turn = np.random.default_rng(2).permutation(14)
    other = replace(TASK, source=Labelled(XS[:, turn], YS), target=XT[:, turn])
    np.testing.assert_allclose(said(other, TEST[:, turn]), want, atol=1e-3)


def test_shots_join_with_the_same_map():
    shots = Labelled(*words(6, 5))
    method, alone = scl().fit(replace(TASK, shots=shots)), scl().fit(TASK)
    np.testing.assert_array_equal(method.theta, alone.theta)
    x = np.concatenate([alone.features(XS, "source"), alone.features(shots.inputs, "target")])
    want = logistic().fit(x, np.concatenate([YS, shots.labels])).predict_proba(alone.features(TEST, "target"))
    np.testing.assert_allclose(method.predict_proba(TEST), want, atol=1e-6)


def test_half_of_the_features_are_left_to_predict():
    assert scl(pivots=100, frequent=1).fit(TASK).history[0]["pivots"] == 7


def test_where_no_word_is_in_both_domains_it_is_refused():
    apart = replace(TASK, target=np.zeros_like(XT))
    with pytest.raises(Refused, match=r"above 0 in 3 examples .*method\.frequent"):
        scl().fit(apart)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"pivots": 0}, r"method\.pivots must be 1 or more, got 0"),
        ({"frequent": 0}, r"method\.frequent must be 1 or more"),
        ({"dim": 0}, r"method\.dim must be 1 or more"),
        ({"ridge": 0.0}, r"method\.ridge must be above 0"),
        ({"scale": -1.0}, r"method\.scale must be 0 or more"),
    ],
)
def test_values_out_of_range_are_refused(changed, told):
    with pytest.raises(TlbenchError, match=told):
        scl(**changed)
