import numpy as np
import pytest
import scipy.sparse as sp

from baselines.label_propagation import LabelPropagation, propagated
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST, nearest, nearest_guesses, unit
from tlbench.errors import TlbenchError
from tlbench.functional.graph import cosine_graph, normalised
from tlbench.tasks import Labelled, Task


def method(**changed):
    return LabelPropagation(**{"alpha": 0.9, "neighbours": 5, **changed}, classifier=nearest())


def test_a_chain_of_three_by_hand():
    # weights 1 along a - b - c: degrees 1, 2, 1, so S has r = 1 / sqrt 2 beside the diagonal; a is labelled.
    # (I - r' S) f = e_a with s = alpha r: det = 1 - 2 s^2, and f = (1 - s^2, s, s^2) / (1 - 2 s^2) times 1 - alpha
    chain = normalised(sp.csr_matrix(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])))
    s = 0.8 / np.sqrt(2)
    want = 0.2 * np.array([1 - s**2, s, s**2]) / (1 - 2 * s**2)
    assert propagated(chain, np.array([[1.0], [0], [0]]), 0.8).ravel() == pytest.approx(want)


def test_the_flow_is_the_papers_and_classes_count_alike():
    got = method().fit(TASK)
    both = unit(np.concatenate([SOURCE, TARGET]))
    s = normalised(cosine_graph(both, 5)).toarray()
    y = np.concatenate([np.eye(3)[LABELS] / 10, np.zeros((len(TARGET), 3))])
    flow = 0.1 * np.linalg.inv(np.eye(len(both)) - 0.9 * s) @ y
    assert got.flow_NC == pytest.approx(flow)
    target = flow[len(SOURCE) :]
    assert got.predict_proba(TARGET) == pytest.approx(target / target.sum(axis=1, keepdims=True))
    iterated = y.copy()
    for _ in range(400):  # the paper's iteration F <- alpha S F + (1 - alpha) Y ends there
        iterated = 0.9 * s @ iterated + 0.1 * y
    assert iterated == pytest.approx(flow, abs=1e-9)


def test_new_rows_have_the_mean_of_their_neighbours():
    got = method(neighbours=2).fit(TASK)
    rows = unit(np.concatenate([SOURCE, TARGET]))
    cosine = unit(TEST) @ rows.T
    near = np.argsort(-cosine, axis=1)[:, :2]
    flow = np.stack([(cosine[i, near[i], None] * got.flow_NC[near[i]]).sum(axis=0) for i in range(len(TEST))])
    assert got.predict_proba(TEST) == pytest.approx(flow / flow.sum(axis=1, keepdims=True))


def test_a_row_that_no_label_reaches_has_the_class_of_the_nearest_labelled_one():
    source, labels = (
        np.array([[1.0, 0, 0.01], [0.99, 0.01, 0], [0, 1.0, 0.01], [0.01, 0.99, 0]]),
        np.array([0, 0, 1, 1]),
    )
    island = np.array([[0.02, 0.01, 1.0], [0.01, 0.02, 0.99], [0.015, 0.015, 1.0]])
    got = method(neighbours=1).fit(Task(Labelled(source, labels), island, None, None, 3, (3,)))
    assert got.history == [{"unreached": 1.0}]
    want = nearest_guesses(unit(source), unit(island), labels)
    assert (got.predict_proba(island).argmax(axis=1) == want).all()


def test_without_flow_labels_stay_and_the_rest_is_the_nearest_neighbours():
    got = method(alpha=0.0).fit(TASK)
    assert (got.predict_proba(TARGET).argmax(axis=1) == nearest_guesses(unit(SOURCE), unit(TARGET))).all()


def test_order_names_sparse_rows_and_shots():
    rng = np.random.default_rng(2)
    want = method().fit(TASK).predict_proba(TEST)
    rows, other, renamed = rng.permutation(len(SOURCE)), rng.permutation(len(TARGET)), np.array([2, 0, 1])
    source = Labelled(sp.csr_matrix(SOURCE[rows]), renamed[LABELS[rows]])
    task = Task(source, sp.csr_matrix(TARGET[other]), None, None, 3, (4,))
    assert method().fit(task).predict_proba(sp.csr_matrix(TEST))[:, renamed] == pytest.approx(want)
    with_shots = method().fit(Task(TASK.source, TARGET, Labelled(TEST[:3], np.arange(3)), None, 3, (4,)))
    joined = Labelled(np.concatenate([SOURCE, TEST[:3]]), np.concatenate([LABELS, np.arange(3)]))
    pooled = method().fit(Task(joined, TARGET, None, None, 3, (4,)))
    assert with_shots.predict_proba(TARGET) == pytest.approx(pooled.predict_proba(TARGET))


@pytest.mark.parametrize("wrong", [{"alpha": 1.0}, {"alpha": -0.1}, {"neighbours": 0}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
        method(**wrong)
