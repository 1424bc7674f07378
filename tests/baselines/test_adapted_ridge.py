"""ARTL and MEDA: the paper's system solved as it is written, and what they are where parts of it are left out."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist

from baselines.artl import Artl
from baselines.meda import Meda
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST, dense_m, nearest_guesses, unit
from tlbench.classifiers.closed_forms import KernelRidge
from tlbench.errors import TlbenchError
from tlbench.functional.subspace import geodesic_factor, principal_axes
from tlbench.tasks import Labelled, Task

N, M = len(SOURCE), len(TARGET)
SHARED = {"match": 10.0, "rho": 1.0, "neighbours": 5, "rounds": 4}


def ridge():
    return KernelRidge(n_classes=3, seed=0, ridge=0.1, gamma=0.5)


def artl(**changed):
    return Artl(**{"mu": 0.3, **SHARED, **changed}, classifier=ridge())


def graph(x, neighbours):
    """The rows' own, nearest by cosine among the others, either way round."""
    cosine = unit(x) @ unit(x).T
    weights = np.zeros_like(cosine)
    for i in range(len(x)):
        near = [j for j in np.argsort(-cosine[i]) if j != i][:neighbours]
        weights[i, near] = np.maximum(cosine[i, near], 0)
    weights = np.maximum(weights, weights.T)
    degree = weights.sum(axis=1)
    return np.eye(len(x)) - weights / np.sqrt(np.outer(degree, degree))


def system(x, labels, *, mu, match, rho, neighbours, rounds):
    """B after so many rounds, every matrix in full."""
    n, m = len(labels), len(x) - len(labels)
    kernel = np.exp(-0.5 * cdist(unit(x), unit(x), "sqeuclidean"))
    e, y = np.diag(np.repeat([1.0, 0.0], [n, m])), np.concatenate([np.eye(3)[labels], np.zeros((m, 3))])
    guesses = nearest_guesses(unit(x[:n]), unit(x[n:]), labels)
    for _ in range(rounds):
        between = dense_m(guesses, 3, mu, 1.0, labels, m)
        between = between / np.linalg.norm(between)
        left = (e + match * between + rho * graph(x, neighbours)) @ kernel + 0.1 * np.eye(n + m)
        b = np.linalg.solve(left, e @ y)
        guesses = (kernel @ b)[n:].argmax(axis=1)
    return b


@pytest.mark.parametrize(
    "changed", [{}, {"mu": 0.0}, {"mu": 1.0}, {"rho": 0.0}, {"match": 0.0}, {"neighbours": 2, "rounds": 1}]
)
def test_artl_solves_its_system(changed):
    method = artl(**changed).fit(TASK)
    both = np.concatenate([SOURCE, TARGET])
    want = system(both, LABELS, **{"mu": 0.3, **SHARED, **changed})
    assert method.classifier.b_NC == pytest.approx(want, rel=1e-7, abs=1e-10)
    scores = np.exp(-0.5 * cdist(unit(TEST), unit(both), "sqeuclidean")) @ want
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert method.predict_proba(TEST) == pytest.approx(probabilities)


def test_meda_is_artl_on_the_geodesic_features():
    method = Meda(dim=1, mu=0.4, **SHARED, classifier=ridge()).fit(TASK)
    factor = geodesic_factor(principal_axes(SOURCE, 1), principal_axes(TARGET, 1))
    mapped = Task(Labelled(SOURCE @ factor, LABELS), TARGET @ factor, None, None, 3, (2,))
    want = Artl(mu=0.4, **SHARED, classifier=ridge()).fit(mapped)
    assert method.predict_proba(TEST) == pytest.approx(want.predict_proba(TEST @ factor))


def test_without_graph_and_differences_it_is_the_recipes_classifier():
    plain = ridge().fit(SOURCE, LABELS)
    assert artl(match=0.0, rho=0.0).fit(TASK).predict_proba(TEST) == pytest.approx(plain.predict_proba(TEST))


def test_the_match_brings_the_outputs_means_together():
    def gap(method):
        f = method.fit(TASK).classifier.decision
        return np.abs(f(SOURCE).mean(axis=0) - f(TARGET).mean(axis=0)).max()

    assert gap(artl(mu=0.0, rho=0.0, match=1e6)) < 1e-3 * gap(artl(mu=0.0, rho=0.0, match=0.0))


def test_shots_are_labelled_rows_beside_the_source():
    shots = Labelled(TEST[:6], np.arange(6) % 3)
    task = Task(TASK.source, TARGET, shots, None, 3, (4,))
    pooled = ridge().fit(np.concatenate([SOURCE, TEST[:6]]), np.concatenate([LABELS, shots.labels]))
    got = artl(match=0.0, rho=0.0).fit(task).predict_proba(TEST)
    assert got == pytest.approx(pooled.predict_proba(TEST))


@pytest.mark.parametrize("kind", [Artl, Meda])
def test_order_names_of_classes_and_sparse_rows_change_nothing(kind):
    own = {"dim": 1} if kind is Meda else {}
    want = kind(mu=0.3, **SHARED, **own, classifier=ridge()).fit(TASK).predict_proba(TEST)
    rng = np.random.default_rng(4)
    rows, other, renamed = rng.permutation(N), rng.permutation(M), np.array([1, 2, 0])
    source = Labelled(sp.csr_matrix(SOURCE[rows]), renamed[LABELS[rows]])
    task = Task(source, sp.csr_matrix(TARGET[other]), None, None, 3, (4,))
    got = kind(mu=0.3, **SHARED, **own, classifier=ridge()).fit(task).predict_proba(sp.csr_matrix(TEST))
    assert got[:, renamed] == pytest.approx(want, abs=1e-9)


def test_a_class_without_a_source_row_is_never_said():
    rows = LABELS != 1
    task = Task(Labelled(SOURCE[rows], LABELS[rows]), TARGET, None, None, 3, (4,))
    assert (artl().fit(task).predict_proba(TEST)[:, 1] == 0).all()


@pytest.mark.parametrize(
    "wrong", [{"mu": -0.1}, {"mu": "none"}, {"match": -1.0}, {"rho": -1.0}, {"neighbours": 0}, {"rounds": 0}]
)
def test_a_value_out_of_range_is_refused(wrong):
    artl()
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
        artl(**wrong)
    with pytest.raises(TlbenchError, match=r"method\.dim must be 1 or more"):
        Meda(dim=0, mu=0.5, **SHARED, classifier=ridge())
