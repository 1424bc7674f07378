import numpy as np
import pytest
import scipy.sparse as sp

from baselines.self_training import SelfTraining
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.closed_forms import NearestMean
from tlbench.errors import TlbenchError
from tlbench.functional.pseudo_labels import margins, surest
from tlbench.tasks import Labelled, Task


def means():
    return NearestMean(n_classes=3, seed=0)


def method(**changed):
    return SelfTraining(**{"rounds": 3, "balanced": True, "threshold": None, **changed}, classifier=means())


def test_margins_are_the_first_less_the_second_probability():
    assert margins(np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])) == pytest.approx([0.2, 0.7])
    assert margins(np.array([[0.9, 0.1]])) == pytest.approx([0.8])  # of two classes, 2 p - 1


def test_the_surest_are_kept_of_all_or_of_each_guess():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]])
    assert surest(p, 0.5, balanced=False).tolist() == [0, 1]
    assert surest(p, 0.5, balanced=True).tolist() == [0, 1, 3]  # two of three, one of one
    assert surest(p, 1.0, balanced=True).tolist() == [0, 1, 2, 3]
    assert surest(np.full((4, 2), 0.5), 0.5, balanced=False).tolist() == [0, 1]


def test_without_rounds_it_is_the_classifier_on_the_source():
    want = means().fit(SOURCE, LABELS).predict_proba(TEST)
    assert (method(rounds=0).fit(TASK).predict_proba(TEST) == want).all()


@pytest.mark.parametrize("balanced", [True, False])
def test_rounds_by_hand(balanced):
    got = method(balanced=balanced).fit(TASK)
    classifier, said = means().fit(SOURCE, LABELS), []
    for number in (1, 2, 3):
        p = classifier.predict_proba(TARGET)
        guess, order = p.argmax(axis=1), np.sort(p, axis=1)
        sure, kept = order[:, -1] - order[:, -2], []
        for c in range(3) if balanced else [None]:
            rows = [i for i in range(len(p)) if c is None or guess[i] == c]
            kept += sorted(rows, key=lambda i: -sure[i])[: int(np.ceil(len(rows) * number / 3))]
        said.append((len(kept) / len(p), guess))
        classifier = means().fit(np.concatenate([SOURCE, TARGET[kept]]), np.concatenate([LABELS, guess[kept]]))
    assert got.predict_proba(TEST) == pytest.approx(classifier.predict_proba(TEST))
    assert [row["kept"] for row in got.history] == [share for share, _ in said]
    assert got.history[0]["guesses_changed"] == 1
    assert got.history[2]["guesses_changed"] == (said[2][1] != said[1][1]).mean()


def test_a_threshold_takes_the_place_of_the_share():
    got = method(threshold=0.5, rounds=1).fit(TASK)
    sure = margins(means().fit(SOURCE, LABELS).predict_proba(TARGET)) >= 0.5
    assert 0 < sure.mean() < 1
    assert got.history[0]["kept"] == sure.mean()
    none = method(threshold=1.0, rounds=2).fit(TASK)
    assert none.history[0]["kept"] == 0
    assert none.predict_proba(TEST) == pytest.approx(means().fit(SOURCE, LABELS).predict_proba(TEST))


def test_shots_join_the_source_and_sparse_rows_give_the_same():
    shots = Labelled(TEST[:3], np.arange(3))
    got = method(rounds=0).fit(Task(TASK.source, TARGET, shots, None, 3, (4,)))
    want = means().fit(np.concatenate([SOURCE, TEST[:3]]), np.concatenate([LABELS, np.arange(3)]))
    assert (got.predict_proba(TEST) == want.predict_proba(TEST)).all()
    sparse = Task(Labelled(sp.csr_matrix(SOURCE), LABELS), sp.csr_matrix(TARGET), None, None, 3, (4,))
    want = method().fit(TASK).predict_proba(TEST)
    assert method().fit(sparse).predict_proba(sp.csr_matrix(TEST)) == pytest.approx(want)


@pytest.mark.parametrize("wrong", [{"rounds": -1}, {"threshold": 1.1}, {"threshold": -0.1}])
def test_values_out_of_range_are_refused(wrong):
    method(threshold=1.0)
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
        method(**wrong)
