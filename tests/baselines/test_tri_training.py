import numpy as np
import pytest
import scipy.sparse as sp

from baselines.tri_training import TriTraining, agreement, bootstrap
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.closed_forms import NearestMean
from tlbench.errors import TlbenchError
from tlbench.tasks import Labelled, Task


def means(seed=0):
    return NearestMean(n_classes=3, seed=seed)


def method(rounds=4, seed=0):
    return TriTraining(rounds=rounds, classifier=means(seed))


def test_bootstraps_have_as_many_of_each_class_and_are_three_different_ones():
    labels = np.array([0] * 20 + [1] * 3 + [2])
    drawn = [bootstrap(labels, 0, number) for number in range(3)]
    for rows in drawn:
        assert np.bincount(labels[rows]).tolist() == [20, 3, 1]
        assert len(np.unique(rows)) < 24
    assert len({rows.tobytes() for rows in drawn}) == 3
    assert (bootstrap(labels, 0, 1) == drawn[1]).all()
    assert (bootstrap(labels, 1, 1) != drawn[1]).any()


def test_agreement_by_hand():
    assert agreement(np.array([0, 1, 2]), np.array([0, 2, 2])).tolist() == [0, -1, 2]


def test_without_rounds_it_is_bagging_of_three():
    drawn = [bootstrap(LABELS, 0, number) for number in range(3)]
    want = np.mean([means().fit(SOURCE[r], LABELS[r]).predict_proba(TEST) for r in drawn], axis=0)
    assert method(0).fit(TASK).predict_proba(TEST) == pytest.approx(want)


def test_rounds_by_hand():
    drawn = [bootstrap(LABELS, 0, i) for i in range(3)]
    learners, before, told = [means().fit(SOURCE[r], LABELS[r]) for r in drawn], [None] * 3, []
    for _ in range(4):
        said = [learner.predict_proba(TARGET).argmax(axis=1) for learner in learners]
        pairs = [(said[1], said[2]), (said[2], said[0]), (said[0], said[1])]
        now = [[c if c == d else -1 for c, d in zip(*pair, strict=True)] for pair in pairs]
        told.append(np.mean([[c != -1 for c in own] for own in now]))
        if now == before:
            break
        before = now
        learners = [
            means().fit(
                np.concatenate([SOURCE[r], TARGET[[i for i, c in enumerate(own) if c != -1]]]),
                np.concatenate([LABELS[r], [c for c in own if c != -1]]),
            )
            for r, own in zip(drawn, now, strict=True)
        ]
    got = method().fit(TASK)
    assert [row["agreed"] for row in got.history] == told
    assert got.predict_proba(TEST) == pytest.approx(np.mean([x.predict_proba(TEST) for x in learners], axis=0))
    assert got.history[-1]["changed"] == 0 or len(got.history) == 4


def test_shots_join_every_bootstrap_whole_and_sparse_rows_give_the_same():
    shots = Labelled(TEST[:3] + 4, np.arange(3))
    got = method(0).fit(Task(TASK.source, TARGET, shots, None, 3, (4,)))
    r = bootstrap(LABELS, 0, 2)
    want = means().fit(np.concatenate([SOURCE[r], shots.inputs]), np.concatenate([LABELS[r], shots.labels]))
    assert got.learners[2].means_KD == pytest.approx(want.means_KD)
    sparse = Task(Labelled(sp.csr_matrix(SOURCE), LABELS), sp.csr_matrix(TARGET), None, None, 3, (4,))
    assert method().fit(sparse).predict_proba(sp.csr_matrix(TEST)) == pytest.approx(
        method().fit(TASK).predict_proba(TEST)
    )


def test_another_seed_draws_other_bootstraps():
    assert (method(seed=0).fit(TASK).predict_proba(TEST) != method(seed=1).fit(TASK).predict_proba(TEST)).any()
    with pytest.raises(TlbenchError, match=r"method\.rounds must be 0 or more"):
        method(-1)
