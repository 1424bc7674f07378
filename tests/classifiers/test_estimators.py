import copy

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from tlbench.classifiers.estimators import LinearSVM, Logistic, NearestNeighbour, RbfSVM
from tlbench.errors import Refused, TlbenchError

ALL = [LinearSVM, RbfSVM, Logistic]


def problem(n: int = 60, classes: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return rng.normal(size=(n, 4)) + 1.5 * np.eye(4)[labels], labels


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(LinearSVM, SVC(kernel="linear", C=0.5)), (RbfSVM, SVC(kernel="rbf", gamma=1 / 4, C=0.5)),
     (Logistic, LogisticRegression(C=0.5, max_iter=1000))],
)  # fmt: skip
@pytest.mark.parametrize("classes", [2, 3])
def test_predictions_are_scikit_learns(ours, theirs, classes):
    (x, y), (test, _) = problem(classes=classes), problem(seed=1)
    weights = np.linspace(0.1, 1.9, len(x))
    got = ours(n_classes=classes, seed=0, C=0.5).fit(x, y, weights).predict_proba(test)
    theirs.fit(x, y, sample_weight=weights)
    scores = theirs.decision_function(test)
    want = scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0).astype(int)
    assert (got.argmax(axis=1) == want).all()
    np.testing.assert_allclose(got.sum(axis=1), 1)


@pytest.mark.parametrize("kind", ALL)
def test_sparse_rows_and_classes_absent_from_training(kind):
    x, y = problem()
    dense = kind(n_classes=5, seed=0, C=1.0).fit(x, y).predict_proba(x)
    sparse = kind(n_classes=5, seed=0, C=1.0).fit(sp.csr_matrix(x), y).predict_proba(sp.csr_matrix(x))
    np.testing.assert_allclose(dense, sparse, atol=1e-4)
    assert dense.shape == (60, 5)
    assert not dense[:, 3:].any()


@pytest.mark.parametrize("kind", ALL)
def test_c_is_chosen_by_cross_validation_on_the_training_labels(kind):
    x, y = problem(n=90)
    y = np.where(np.random.default_rng(5).random(90) < 0.2, (y + 1) % 3, y)  # label noise, so that C matters
    found = kind(n_classes=3, seed=4, C=1.0, search=[1e-4, 0.05, 100.0], folds=3).tuned(x, y)
    plain = {LinearSVM: SVC(kernel="linear"), RbfSVM: SVC(gamma=0.25), Logistic: LogisticRegression(max_iter=1000)}
    folds = StratifiedKFold(3, shuffle=True, random_state=4)
    want = GridSearchCV(plain[kind], {"C": [1e-4, 0.05, 100.0]}, cv=folds).fit(x, y).best_params_["C"]
    assert want == found.C
    assert kind(n_classes=3, seed=4, C=1.0).fit(x, y).C == 1.0


SCIKIT_LEARNS = {
    LinearSVM: lambda d: SVC(kernel="linear"),
    RbfSVM: lambda d: SVC(gamma=1 / d),
    Logistic: lambda d: LogisticRegression(max_iter=1000),
}


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    width=st.sampled_from([2, 5, 40]),  # 40: more than examples in a fold, where a large C is no bound at all
    classes=st.integers(2, 4),
    apart=st.sampled_from([0.0, 0.5, 3.0]),
    grid=st.lists(st.sampled_from([10.0**k for k in range(-4, 5)]), min_size=1, max_size=6, unique=True),
    coarse=st.booleans(),
    folds=st.sampled_from([2, 3]),
)
def test_the_search_finds_what_scikit_learns_search_finds(kind, seed, width, classes, apart, grid, coarse, folds):
    if kind is Logistic:
        grid = [value for value in grid if value <= 10] or [1.0]  # L-BFGS is slow without a penalty
    rng = np.random.default_rng(seed)
    y = np.arange(24) % classes
    x = rng.normal(size=(24, width)) + apart * rng.normal(size=(classes, width))[y]
    if coarse:  # equal rows with other labels, equal distances, equal scores
        x = np.round(x)
    cv = StratifiedKFold(folds, shuffle=True, random_state=seed)
    theirs = GridSearchCV(SCIKIT_LEARNS[kind](width), {"C": grid}, cv=cv, refit=False).fit(x, y)
    scores = theirs.cv_results_["mean_test_score"]
    found = kind(n_classes=classes, seed=seed, C=1.0, search=grid, folds=folds).tuned(x, y).C
    assert found == grid[scores.argmax()]


@pytest.mark.parametrize("kind", [LinearSVM, RbfSVM])
def test_a_larger_c_is_not_tried_where_c_bounds_nothing(kind, monkeypatch):
    fitted = []

    class Counted(SVC):
        def fit(self, *args, **kwargs):
            fitted.append(self.C)
            return super().fit(*args, **kwargs)

    monkeypatch.setattr("tlbench.classifiers.estimators.SVC", Counted)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 200)), np.arange(30) % 3
    kind(n_classes=3, seed=0, C=1.0, search=[1e-4, 100.0, 1e5, 10.0, 1e-3], folds=2).tuned(x, y)
    assert fitted == [1e-4, 100.0, 10.0, 1e-3] * 2


def test_the_first_of_equally_good_values_wins():
    x, y = problem()
    x = x + 50 * np.eye(4)[y]
    assert LinearSVM(n_classes=3, seed=0, C=7.0, search=[0.5, 0.1, 1.0]).tuned(x, y).C == 0.5


def test_the_folds_follow_the_seed(monkeypatch):
    seen = []

    class Folds(StratifiedKFold):
        def __init__(self, n_splits, *, shuffle, random_state):
            seen.append(random_state)
            super().__init__(n_splits, shuffle=shuffle, random_state=random_state)

    monkeypatch.setattr("tlbench.classifiers.estimators.StratifiedKFold", Folds)
    x, y = problem()
    for seed in (0, 5):
        LinearSVM(n_classes=3, seed=seed, C=1.0, search=[1.0]).tuned(x, y)
    assert seen == [0, 5]


def test_kernels_kept_for_one_array_are_not_used_for_another():
    (x, y), (z, _) = problem(), problem(seed=1)
    first = LinearSVM(n_classes=3, seed=0, C=1.0).fit(x, y)
    copied = copy.copy(first).fit(x, y, np.linspace(0.1, 1.9, len(x)))  # what boosting does
    assert not np.allclose(copied.predict_proba(z), first.predict_proba(z))
    first.predict_proba(z)
    again = first.fit(z, y)
    np.testing.assert_allclose(again.predict_proba(x), LinearSVM(n_classes=3, seed=0, C=1.0).fit(z, y).predict_proba(x))


def test_a_copy_fitted_on_other_rows_leaves_the_first_as_it_was():
    (x, y), (z, labels) = problem(), problem(seed=1)
    first = LinearSVM(n_classes=3, seed=0, C=1.0).fit(x, y)
    second = copy.copy(first).fit(5 - 3 * z, labels)  # as many rows: a kernel with them has the first's shape
    want = LinearSVM(n_classes=3, seed=0, C=1.0).fit(x, y)
    np.testing.assert_array_equal(first.predict_proba(z), want.predict_proba(z))
    want = LinearSVM(n_classes=3, seed=0, C=1.0).fit(5 - 3 * z, labels)
    np.testing.assert_array_equal(second.predict_proba(x), want.predict_proba(x))


def test_copies_share_the_kernel_of_one_training_set(monkeypatch):
    (x, y), (z, _) = problem(), problem(seed=1)
    made = []
    for kernel in ("linear_kernel", "rbf_kernel"):
        monkeypatch.setattr(
            f"tlbench.classifiers.estimators.{kernel}", lambda a, b, **_: made.append((id(a), id(b))) or a @ b.T
        )
    for kind, want in ((LinearSVM, [(id(x), id(x))]), (RbfSVM, [(id(x), id(x)), (id(z), id(x))])):
        made.clear()
        first = kind(n_classes=3, seed=0, C=1.0)
        for _ in range(3):
            copy.copy(first).fit(x, y).predict_proba(z)
        assert made == want


def test_refusals():
    x, y = problem()
    for wrong in ({"C": 0.0}, {"C": 1.0, "search": [1.0, -1.0]}, {"C": 1.0, "folds": 1}):
        with pytest.raises(TlbenchError, match="C > 0 and folds >= 2"):
            LinearSVM(n_classes=3, seed=0, **wrong)
    LinearSVM(n_classes=3, seed=0, C=1.0, search=[1.0], folds=2).tuned(x[:6], y[:6])
    with pytest.raises(Refused, match="needs 3 labelled examples of each class"):
        LinearSVM(n_classes=3, seed=0, C=1.0, search=[1.0], folds=3).tuned(x[:6], y[:6])


def test_the_nearest_neighbour_by_hand_and_no_weights():
    x, y = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]]), np.array([2, 0, 1])
    model = NearestNeighbour(n_classes=4, seed=0)
    assert model.tuned(x, y).fit(x, y) is model
    got = model.predict_proba(np.array([[1.9, 0.0], [2.1, 0.0], [0.0, 2.0]]))
    np.testing.assert_array_equal(got, np.eye(4)[[2, 0, 1]])
    with pytest.raises(Refused, match="takes no weights"):
        model.fit(x, y, np.ones(3))


@pytest.mark.parametrize("classes", [2, 5])
def test_ties_as_libsvm_has_them_or_by_the_decision(classes):
    (x, y), (test, _) = problem(n=40, classes=min(classes, 4)), problem(n=400, classes=min(classes, 4), seed=1)
    theirs = SVC(kernel="linear", C=0.01).fit(x, y)
    one, other = (
        LinearSVM(n_classes=classes, seed=0, C=0.01, ties=t).fit(x, y).predict_proba(test)
        for t in ("first", "decision")
    )
    assert (one.argmax(axis=1) == theirs.predict(test)).all()
    assert (one.argmax(axis=1) != other.argmax(axis=1)).any() == (classes > 2)
    with pytest.raises(TlbenchError, match=r"classifier\.ties must be decision or first"):
        LinearSVM(n_classes=2, seed=0, C=1.0, ties="last")
