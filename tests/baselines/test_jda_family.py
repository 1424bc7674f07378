"""BDA, JPDA and JGSA: each against its paper's problem in full, and where it is another method."""

import numpy as np
import pytest
from scipy.linalg import eig, eigh

from baselines.bda import Bda, weighted_differences
from baselines.jda import Jda
from baselines.jgsa import Jgsa, scatters
from baselines.jpda import Jpda, discriminative_form
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST, dense_m, nearest, nearest_guesses, unit
from tlbench.classifiers.estimators import LinearSVM
from tlbench.errors import TlbenchError
from tlbench.functional.components import class_differences, class_pairs
from tlbench.tasks import Labelled, Task

BOTH = unit(np.concatenate([SOURCE, TARGET]))
N, M, C = len(SOURCE), len(TARGET), 3
CENTRE = np.eye(N + M) - 1 / (N + M)


def predicted(method, task=TASK, test=TEST):
    return method.fit(task).predict_proba(test).argmax(axis=1)


def bda(mu, *, weighted=False, kernel="primal", rounds=3):
    return Bda(mu=mu, weighted=weighted, dim=2, ridge=0.3, kernel=kernel, rounds=rounds, classifier=nearest())


@pytest.mark.parametrize("kernel", ["linear", "primal"])
def test_bda_with_equal_balance_is_jda(kernel):
    want = Jda(dim=2, ridge=0.3, kernel=kernel, rounds=3, classifier=nearest())
    assert (predicted(bda(0.5, kernel=kernel)) == predicted(want)).all()


@pytest.mark.parametrize(("mu", "weighted"), [(0.0, False), (0.8, False), (1.0, False), (0.3, True)])
def test_bda_solves_its_problem(mu, weighted):
    method = bda(mu, weighted=weighted, rounds=2).fit(TASK)
    mu = 1.0 if weighted else mu
    maps, guesses = [], nearest_guesses(SOURCE, TARGET) if mu == 1 else None
    for _ in range(len(method.history)):
        weight = 1.0
        if weighted:
            weight = [(guesses == c).mean() / (c == LABELS).mean() for c in range(C)]
        m = dense_m(guesses, C, 0.0 if guesses is None else mu, weight)
        _, vectors = eigh(BOTH.T @ CENTRE @ BOTH, BOTH.T @ (m / np.linalg.norm(m)) @ BOTH + 0.3 * np.eye(BOTH.shape[1]))
        maps.append(vectors[:, ::-1][:, :2] / np.linalg.norm(vectors[:, ::-1][:, :2], axis=0))
        guesses = nearest_guesses(unit(unit(SOURCE) @ maps[-1]), unit(unit(TARGET) @ maps[-1]))
    assert np.abs(maps[-1]) == pytest.approx(np.abs(method.map), rel=1e-8)


def test_the_weighted_target_mean_counts_by_the_ratio_of_shares():
    # source shares 1/2, 1/2; guesses 3/4, 1/4: weights 3/2 and 1/2 on the target's 1/3 and 1
    labels, guesses = np.array([0, 1]), np.array([0, 0, 0, 1])
    e = weighted_differences(class_differences(labels, guesses, 2), labels, guesses)
    assert e[2:] == pytest.approx(-np.array([[0.5, 0], [0.5, 0], [0.5, 0], [0, 0.5]]))
    assert e[:2] == pytest.approx(np.eye(2))


def test_the_estimated_balance_is_in_the_history_and_follows_the_classes():
    method = bda("estimated").fit(TASK)
    assert method.history[0]["mu"] == 0
    assert all(0 < row["mu"] < 1 for row in method.history[1:])


def r_min_max(guesses):
    ns = np.eye(C)[LABELS] / N
    nt = np.zeros((M, C)) if guesses is None else np.eye(C)[guesses] / M
    pairs = [(i, j) for i in range(C) for j in range(C) if i != j]
    same = sum(np.outer(v, v) for v in (np.concatenate([ns[:, c], -nt[:, c]]) for c in range(C)))
    apart = sum(np.outer(v, v) for v in (np.concatenate([ns[:, i], -nt[:, j]]) for i, j in pairs))
    return same / np.linalg.norm(same), apart / np.linalg.norm(apart)


@pytest.mark.parametrize("guesses", [None, np.arange(M) % C, np.arange(M) % 2])
@pytest.mark.parametrize("mu", [0.0, 0.1, 2.0])
def test_the_form_of_jpda_is_the_papers_sum_over_pairs(guesses, mu):
    z = class_pairs(LABELS, np.full(M, -1) if guesses is None else guesses, C)
    same, apart = r_min_max(guesses)
    assert z @ discriminative_form(z, C, mu) @ z.T == pytest.approx(same - mu * apart, abs=1e-15)


@pytest.mark.parametrize("mu", [0.0, 0.1, 5.0])
def test_jpda_takes_the_smallest_values_with_their_signs(mu):
    method = Jpda(mu=mu, dim=2, ridge=0.01, kernel="primal", rounds=1, classifier=nearest()).fit(TASK)
    same, apart = r_min_max(None)
    values, vectors = eig(BOTH.T @ (same - mu * apart) @ BOTH + 0.01 * np.eye(4), BOTH.T @ CENTRE @ BOTH)
    order = np.argsort(values.real)
    assert (values.real[order[0]] < 0) == (mu == 5)
    want = vectors.real[:, order[:2]] / np.linalg.norm(vectors.real[:, order[:2]], axis=0)
    assert np.abs(method.map) == pytest.approx(np.abs(want), rel=1e-6)


def test_jgsa_solves_its_two_sided_problem():
    alpha, beta, mu = 0.7, 0.2, 1.3
    method = Jgsa(dim=2, alpha=alpha, beta=beta, mu=mu, rounds=1, classifier=nearest()).fit(TASK)
    xs, xt = unit(SOURCE), unit(TARGET)
    within, between = scatters(xs, LABELS)
    m = dense_m(nearest_guesses(xs, xt), C, 0.5, 1.0) * 2 / np.linalg.norm(dense_m(None, C, 0.0, 1.0))
    block = np.block([[xs, np.zeros((N, 4))], [np.zeros((M, 4)), xt]])
    one, none = np.eye(4), np.zeros((4, 4))
    target = xt.T @ (np.eye(M) - 1 / M) @ xt
    left = np.block([[beta * between, none], [none, mu * target]])
    right = block.T @ m @ block + np.block(
        [[alpha * one + beta * within, -alpha * one], [-alpha * one, (alpha + mu) * one]]
    )
    _, vectors = eigh(left, right)
    want = vectors[:, ::-1][:, :2] / np.linalg.norm(vectors[:, ::-1][:, :2], axis=0)
    got = np.concatenate([method.maps["source"], method.maps["target"]])
    assert np.abs(got) == pytest.approx(np.abs(want), rel=1e-5, abs=1e-8)
    mapped = method.mapped(SOURCE, "source")
    assert np.square(mapped).sum() == pytest.approx(np.square(SOURCE).sum())


def test_scatters_are_sums_and_add_up_to_the_whole():
    within, between = scatters(SOURCE, LABELS)
    centred = SOURCE - SOURCE.mean(axis=0)
    assert within + between == pytest.approx(centred.T @ centred)
    # two rows of one class at -1 and 1, one of another at 3: within 2, between 2 * 1^2 + 1 * 2^2 about the mean 1
    assert scatters(np.array([[-1.0], [1.0], [3.0]]), np.array([0, 0, 1])) == (pytest.approx(2), pytest.approx(6))


METHODS = {
    "bda": lambda c: Bda(mu=0.7, weighted=False, dim=2, ridge=1.0, kernel="linear", rounds=3, classifier=c),
    "wbda": lambda c: Bda(mu=0.5, weighted=True, dim=2, ridge=1.0, kernel="linear", rounds=3, classifier=c),
    "jpda": lambda c: Jpda(mu=0.1, dim=2, ridge=1.0, kernel="linear", rounds=3, classifier=c),
    "jgsa": lambda c: Jgsa(alpha=1.0, beta=0.1, mu=1.0, dim=2, rounds=3, classifier=c),
}


@pytest.mark.parametrize("name", METHODS)
def test_order_rotation_and_names_of_classes_change_nothing(name):
    rng = np.random.default_rng(3)
    want = METHODS[name](nearest()).fit(TASK).predict_proba(TEST)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    rows, other, renamed = rng.permutation(N), rng.permutation(M), np.array([2, 0, 1])
    task = Task(Labelled(SOURCE[rows] @ turn, renamed[LABELS[rows]]), TARGET[other] @ turn, None, None, C, (4,))
    got = METHODS[name](nearest()).fit(task).predict_proba(TEST @ turn)
    assert got[:, renamed] == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("case", ["class of one row", "absent class", "two target rows", "wide"])
def test_small_and_odd_sets_are_taken(name, case):
    source, labels, target, width = SOURCE, LABELS, TARGET, 4
    if case == "class of one row":
        rows = np.concatenate([np.flatnonzero(LABELS != 2), np.flatnonzero(LABELS == 2)[:1]])
        source, labels = SOURCE[rows], LABELS[rows]
    elif case == "absent class":
        source, labels = SOURCE[LABELS != 1], LABELS[LABELS != 1]
    elif case == "two target rows":
        target = TARGET[:2]
    else:
        pad = np.random.default_rng(0).normal(size=(4, 300))
        source, target, width = SOURCE @ pad, TARGET @ pad, 300
    task = Task(Labelled(source, labels), target, None, None, C, (width,))
    probabilities = METHODS[name](LinearSVM(n_classes=C, seed=0, C=1.0)).fit(task).predict_proba(target)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)


BASE = {"dim": 1, "rounds": 1}
KERNEL = {**BASE, "ridge": 1.0, "kernel": "linear"}


@pytest.mark.parametrize(
    ("kind", "allowed", "wrong"),
    [
        (Bda, {**KERNEL, "mu": 0.5, "weighted": False}, {"mu": 1.1}),
        (Bda, {**KERNEL, "mu": 0.5, "weighted": False}, {"mu": "guessed"}),
        (Bda, {**KERNEL, "mu": 0.5, "weighted": False}, {"ridge": 0.0}),
        (Bda, {**KERNEL, "mu": 0.5, "weighted": False}, {"kernel": "rbf"}),
        (Jpda, {**KERNEL, "mu": 0.1}, {"mu": -0.1}),
        (Jpda, {**KERNEL, "mu": 0.1}, {"rounds": 0}),
        (Jgsa, {**BASE, "alpha": 1.0, "beta": 0.1, "mu": 1.0}, {"alpha": 0.0}),
        (Jgsa, {**BASE, "alpha": 1.0, "beta": 0.1, "mu": 1.0}, {"beta": 0.0}),
        (Jgsa, {**BASE, "alpha": 1.0, "beta": 0.1, "mu": 1.0}, {"mu": 0.0}),
    ],
)
def test_a_value_out_of_range_is_refused_beside_one_that_is_allowed(kind, allowed, wrong):
    kind(**allowed, classifier=nearest())
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
        kind(**{**allowed, **wrong}, classifier=nearest())
