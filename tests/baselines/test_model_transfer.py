"""prior_logistic, asvm and pmt_svm: each by hand, against its program solved by other means, and in its limits."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC, LinearSVC

from baselines.asvm import Asvm
from baselines.pmt_svm import PmtSvm
from baselines.prior_logistic import PriorLogistic
from tests.baselines.naive import LABELS, SOURCE, TARGET, TEST
from tlbench.classifiers.estimators import LinearSVM, Logistic, RbfSVM
from tlbench.classifiers.linear_model import LinearModel, linear_fit
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.anchored import anchored_logistic
from tlbench.tasks import Labelled, Task

SHOTS = Labelled(TARGET[:9], np.arange(9) % 3)
TASK = Task(Labelled(SOURCE, LABELS), TARGET[9:], SHOTS, None, 3, (4,))
TWO = dataclasses.replace(
    TASK,
    source=Labelled(SOURCE[LABELS < 2], LABELS[LABELS < 2]),
    shots=Labelled(TARGET[[0, 1, 3, 4]], np.array([0, 1, 0, 1])),
    n_classes=2,
)
METHODS = {"prior_logistic": (PriorLogistic, Logistic), "asvm": (Asvm, LinearSVM), "pmt_svm": (PmtSvm, LinearSVM)}


def make(name, strength=0.7, n_classes=3, C=0.5):
    method, classifier = METHODS[name]
    return method(strength=strength, classifier=classifier(n_classes=n_classes, seed=0, C=C))


def adapted(name, w, x, y, strength=1.0, C=10.0, b=0.0):
    """The target's vector of class 1 for two classes, the source's being w, b."""
    source = LinearModel(np.array([-np.array(w), np.array(w)]), np.array([-b, b]), np.arange(2))
    model, told = make(name, strength, 2, C).adapt(source, np.array(x, float), np.array(y))
    return model.coef_KD[1], model.intercept_K[1], told


def lowest(loss, size, **constraints):
    found = minimize(loss, np.full(size, 0.01), method="SLSQP", options={"maxiter": 2000, "ftol": 1e-15}, **constraints)
    return found.fun


def test_prior_logistic_by_hand():
    # x = 1 and -1 of classes 1 and 0, w = w_s + v, b = 0: v / C = 2 / (1 + exp(w)); w = 0 needs v = C, so w_s = -C leads to 0
    coef, intercept = anchored_logistic(np.array([[1.0], [-1.0]]), np.array([1, 0]), np.array([[0.35], [-0.35]]), C=0.7)
    assert coef == pytest.approx(np.zeros((2, 1)), abs=1e-6)
    assert intercept == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("columns", [4, 12])
@pytest.mark.parametrize("k", [2, 3])
def test_prior_logistic_is_the_minimum_of_its_loss(k, columns):
    rng = np.random.default_rng(k)
    x, places, anchor = rng.normal(size=(7, columns)), np.arange(7) % k, rng.normal(size=(k, columns))
    anchor -= anchor.mean(axis=0)
    coef, intercept = anchored_logistic(x, places, anchor, C=0.3)

    def loss(flat):
        w, b = flat[: k * columns].reshape(k, columns), flat[k * columns :]
        z = x @ w.T + b
        fit = np.log(np.exp(z).sum(axis=1)) - z[np.arange(7), places]
        v = w - anchor
        # one vector of two classes, the difference: |v_1 - v_0|^2
        size = ((v[1] - v[0]) ** 2).sum() if k == 2 else (v**2).sum()
        return fit.sum() + size / (2 * 0.3)

    got = np.concatenate([coef.ravel(), intercept])
    assert loss(got) == pytest.approx(lowest(loss, len(got)), abs=1e-8)


@pytest.mark.parametrize("k", [2, 3])
def test_drawn_to_nothing_it_is_a_logistic_regression_of_the_shots(k):
    rows = k > SHOTS.labels
    x, y = SHOTS.inputs[rows], SHOTS.labels[rows]
    want = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(x, y)
    task = dataclasses.replace(TASK, shots=Labelled(x, y), n_classes=k)
    got = make("prior_logistic", 0.0, k).fit(task)
    np.testing.assert_allclose(got.predict_proba(TEST), want.predict_proba(TEST), atol=1e-6)
    assert got.history[0]["moved"] == 1


def test_how_far_it_moved_by_hand():
    # as in the test by hand, but w_s = -0.7 as halves (0.35, -0.35) and all of it undone: |V|^2 = |W_s|^2
    _, _, told = adapted("prior_logistic", [-0.35], [[1], [-1]], [1, 0], C=0.7)
    assert told["moved"] == pytest.approx(0.5, abs=1e-6)


def test_a_small_c_leaves_the_sources_vectors_and_fits_the_intercepts():
    shots = Labelled(TARGET[:6], np.array([0, 0, 0, 1, 1, 2]))
    source = linear_fit(Logistic(n_classes=3, seed=0, C=1.0), SOURCE, LABELS)
    coef, intercept = anchored_logistic(shots.inputs, shots.labels, source.coef_KD, C=1e-9)
    assert coef == pytest.approx(source.coef_KD - source.coef_KD.mean(axis=0), abs=1e-6)
    scores = np.exp(shots.inputs @ coef.T + intercept)
    # free intercepts: the mean probability of each class is its share of the shots
    assert (scores / scores.sum(axis=1, keepdims=True)).mean(axis=0) == pytest.approx([3 / 6, 2 / 6, 1 / 6], abs=1e-6)


@pytest.mark.parametrize(("given", "C", "want"), [(0.5, 10, 1.0), (0.5, 0.1, 0.7), (1.5, 10, 1.5), (-1.0, 10, 1.0)])
def test_asvm_by_hand(given, C, want):
    # x = 1 and -1: v = 2 a with a = min(C, (1 - w_s) / 2) where the margin w_s is below 1, else 0
    w, b, told = adapted("asvm", [given], [[1], [-1]], [1, 0], C=C)
    assert w == pytest.approx([want])
    assert b == pytest.approx(0)
    assert told["used"] == (0 if given > 1 else 1)


@pytest.mark.parametrize("seed", range(3))
def test_asvm_is_the_minimum_of_its_loss(seed):
    rng = np.random.default_rng(seed)
    x, y, w_s = rng.normal(size=(8, 3)), np.arange(8) % 2, rng.normal(size=3)
    w, b, told = adapted("asvm", w_s, x, y, strength=0.6, C=0.4, b=0.3)

    def loss(flat):  # slack variables make it smooth
        v, slack = flat[:4], flat[4:]
        return 0.5 * v @ v + 0.4 * slack.sum()

    sign = 2 * y - 1
    rest = {"type": "ineq", "fun": lambda f: f[4:] - 1 + sign * (0.6 * (x @ w_s + 0.3) + x @ f[:3] + f[3])}
    best = lowest(loss, 12, constraints=[rest], bounds=[(None, None)] * 4 + [(0, None)] * 8)
    v = np.append(w - 0.6 * w_s, b - 0.6 * 0.3)
    slack = np.maximum(0, 1 - sign * (x @ w + b))
    assert loss(np.concatenate([v, slack])) == pytest.approx(best, abs=1e-6)
    assert 0 <= told["gap"] < 1e-8


def test_asvm_without_a_source_is_liblinears_hinge():
    y = np.arange(9) % 2
    w, b, _ = adapted("asvm", [1.0, 2, 3, 4], SHOTS.inputs, y, strength=0.0, C=0.2)
    want = LinearSVC(loss="hinge", C=0.2, tol=1e-12, max_iter=1_000_000, random_state=0).fit(SHOTS.inputs, y)
    assert w == pytest.approx(want.coef_[0], abs=1e-4)
    assert b == pytest.approx(want.intercept_[0], abs=1e-4)


def test_pmt_svm_by_hand():
    # rows (1, 1) and (-1, -1), w_s = (s, 0), strength 4: the second column is divided by 3, the widest margin is along (1, 1/3),
    # and w = (9, 1) / 10, whatever s > 0. Against s < 0 the first column drops out: w = (0, 1)
    x, y = [[1, 1], [-1, -1]], [1, 0]
    w, b, told = adapted("pmt_svm", [0.2, 0.0], x, y, strength=4.0)
    assert w == pytest.approx([0.9, 0.1])
    assert b == pytest.approx(0)
    assert told == {"along": pytest.approx(81 / 82), "edge": 0}
    w, _, told = adapted("pmt_svm", [-0.2, 0.0], x, y, strength=4.0)
    assert w == pytest.approx([0, 1])
    assert told == {"along": 0, "edge": 1}


ON_THE_EDGE = (0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_pmt_svm_is_the_minimum_of_its_loss(seed):
    rng = np.random.default_rng(seed)
    y = np.arange(8) % 2
    x, w_s = rng.normal(size=(8, 3)) + 0.7 * y[:, None], rng.normal(size=3)
    unit, sign = w_s / np.linalg.norm(w_s), 2 * y - 1
    w, b, told = adapted("pmt_svm", w_s, x, y, strength=1.5, C=0.4)

    def loss(flat):
        across = flat[:3] - unit * (unit @ flat[:3])
        return 0.5 * flat[:3] @ flat[:3] + 1.5 * across @ across + 0.4 * flat[4:].sum()

    rest = [
        {"type": "ineq", "fun": lambda f: f[4:] - 1 + sign * (x @ f[:3] + f[3])},
        {"type": "ineq", "fun": lambda f: unit @ f[:3]},
    ]
    best = lowest(loss, 12, constraints=rest, bounds=[(None, None)] * 4 + [(0, None)] * 8)
    got = np.concatenate([w, [b], np.maximum(0, 1 - sign * (x @ w + b))])
    assert loss(got) == pytest.approx(best, abs=2e-3)  # LIBSVM's tolerance
    assert unit @ w >= -1e-9
    assert told["edge"] == (unit @ w < 1e-9) == (seed in ON_THE_EDGE)


def test_pmt_svm_without_a_penalty_is_the_svm_of_the_shots_and_with_a_large_one_the_sources_score():
    got = make("pmt_svm", 0.0, 2).fit(TWO)
    want = LinearSVM(n_classes=2, seed=0, C=0.5).fit(TWO.shots.inputs, TWO.shots.labels)
    assert got.history[0]["edge"] == 0
    np.testing.assert_allclose(got.predict_proba(TEST), want.predict_proba(TEST), atol=2e-3)
    w_s = linear_fit(LinearSVM(n_classes=2, seed=0, C=0.5), TWO.source.inputs, TWO.source.labels).coef_KD[1]
    got = make("pmt_svm", 1e12, 2).fit(TWO)
    unit = w_s / np.linalg.norm(w_s)
    one = SVC(kernel="linear", C=0.5).fit((TWO.shots.inputs @ unit)[:, None], TWO.shots.labels)
    assert got.model.coef_KD[1] == pytest.approx(one.coef_[0, 0] * unit, abs=1e-3)
    assert got.history[0]["along"] == pytest.approx(1)


@pytest.mark.parametrize("classifier", [Logistic, LinearSVM])
def test_a_linear_model_says_what_its_classifier_does(classifier):
    for rows, labels in ((SOURCE, LABELS), (SOURCE[LABELS < 2], LABELS[LABELS < 2])):
        made = classifier(n_classes=3, seed=0, C=0.5)
        model = linear_fit(made, rows, labels)
        assert not hasattr(made, "model")
        for c, label in enumerate(model.seen_K):
            decision = model.decision(TEST)[:, c]
            if classifier is LinearSVM:
                want = SVC(kernel="linear", C=0.5).fit(rows, labels == label).decision_function(TEST)
                np.testing.assert_allclose(decision, want, atol=1e-9)
        if classifier is Logistic:
            want = LogisticRegression(C=0.5, max_iter=1000).fit(rows, labels).decision_function(TEST)
            scores = model.decision(TEST)
            np.testing.assert_allclose(scores[:, 1] - scores[:, 0] if want.ndim == 1 else scores, want)
    part = model.of(np.array([1, 2]))
    assert part.coef_KD[0] == pytest.approx(model.coef_KD[1])
    assert not part.coef_KD[1].any()
    assert part.intercept_K.tolist() == [model.intercept_K[1], 0]


@pytest.mark.parametrize("name", METHODS)
def test_order_of_rows_names_of_classes_and_sparseness_change_nothing(name):
    order, shots = np.random.default_rng(0).permutation(30), slice(None, None, -1)
    want = make(name).fit(TASK)
    changed = dataclasses.replace(
        TASK,
        source=Labelled(sp.csr_matrix(SOURCE[order]), 2 - LABELS[order]),
        shots=Labelled(sp.csr_matrix(SHOTS.inputs[shots]), 2 - SHOTS.labels[shots]),
    )
    got = make(name).fit(changed)
    np.testing.assert_allclose(got.predict_proba(sp.csr_matrix(TEST))[:, ::-1], want.predict_proba(TEST), atol=3e-3)


@pytest.mark.parametrize("name", METHODS)
def test_rotated_features_change_nothing(name):
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    turned = dataclasses.replace(
        TASK, source=Labelled(SOURCE @ turn, LABELS), shots=Labelled(SHOTS.inputs @ turn, SHOTS.labels)
    )
    got, want = make(name).fit(turned), make(name).fit(TASK)
    np.testing.assert_allclose(got.predict_proba(TEST @ turn), want.predict_proba(TEST), atol=3e-3)


@pytest.mark.parametrize("name", METHODS)
def test_the_strength_matters_and_so_does_the_source(name):
    base = make(name).fit(TASK).predict_proba(TEST)
    other = dataclasses.replace(TASK, source=Labelled(SOURCE[::-1].copy(), LABELS))
    assert np.abs(make(name, 0.2).fit(TASK).predict_proba(TEST) - base).max() > 0.01
    assert np.abs(make(name).fit(other).predict_proba(TEST) - base).max() > 0.01


@pytest.mark.parametrize("name", METHODS)
def test_a_class_that_the_source_lacks_is_learnt_from_the_shots_and_one_without_shots_gets_nothing(name):
    lacks = dataclasses.replace(TASK, source=TWO.source)
    proba = make(name).fit(lacks).predict_proba(TARGET[:9])
    assert (proba.argmax(axis=1) == SHOTS.labels)[SHOTS.labels == 2].any()
    few = dataclasses.replace(TASK, shots=Labelled(TARGET[:8:3], np.array([0, 2, 2])))
    method = make(name).fit(few)
    assert not method.predict_proba(TEST)[:, 1].any()
    np.testing.assert_allclose(method.predict_proba(TEST).sum(axis=1), 1)
    for shots in (None, Labelled(TARGET[:1], np.array([1]))):
        with pytest.raises(Refused, match=f"{name} needs labelled target examples of two classes"):
            make(name).fit(dataclasses.replace(TASK, shots=shots))


@pytest.mark.parametrize("name", METHODS)
def test_the_history_tells_how_often_the_source_is_wrong_about_the_shots(name):
    method = make(name).fit(TASK)
    classifier = METHODS[name][1](n_classes=3, seed=0, C=0.5)
    says = linear_fit(classifier, SOURCE, LABELS).decision(SHOTS.inputs).argmax(axis=1)
    assert method.history[0]["source_error"] == pytest.approx((says != SHOTS.labels).mean())
    assert 0 < method.history[0]["source_error"] < 1


@pytest.mark.parametrize("name", METHODS)
def test_nothing_of_the_source_but_its_model_is_kept(name):
    method = make(name).fit(TASK)
    method.forget()
    arrays = [value for part in (method, method.model, method.classifier) for value in vars(part).values()]
    assert not any(isinstance(value, np.ndarray) and value.shape == SOURCE.shape for value in arrays)
    assert not hasattr(method.classifier, "model")


@pytest.mark.parametrize("name", METHODS)
def test_what_cannot_be_is_refused(name):
    make(name, 0.0)
    with pytest.raises(TlbenchError, match=r"method\.strength must be 0 or more.*Set by method\.strength="):
        make(name, -0.1)
    with pytest.raises(Refused, match=rf"{name} is a form of (logistic|linear_svm)"):
        METHODS[name][0](strength=1.0, classifier=RbfSVM(n_classes=3, seed=0, C=1.0))


def test_what_is_no_linear_classifier_or_no_problem_is_refused():
    with pytest.raises(Refused, match="classifier=linear_svm or classifier=logistic"):
        linear_fit(RbfSVM(n_classes=3, seed=0, C=1.0), SOURCE, LABELS)
    for places, C in (([0, 0], 1.0), ([0, 1], 0.0)):
        with pytest.raises(ValueError, match="anchored_logistic needs"):
            anchored_logistic(np.eye(2), np.array(places), np.zeros((2, 2)), C=C)
