"""EasyTL: the program against every assignment, the limit in which it is the nearest mean, and where it is not."""

from itertools import product

import numpy as np
import pytest

from baselines.easytl import EasyTL, class_program
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.closed_forms import NearestMean
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.powers import recolour
from tlbench.tasks import Labelled, Task


def easytl(**changed):
    return EasyTL(
        **{"align": "none", "ridge": 1.0, "program": True, **changed}, classifier=NearestMean(n_classes=3, seed=0)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_program_is_the_best_of_all_assignments(seed):
    distances = np.random.default_rng(seed).uniform(size=(5, 3)) + np.array([0.0, 0.8, 0.9])
    covering = [a for a in product(range(3), repeat=5) if set(a) == {0, 1, 2}]
    best = min(covering, key=lambda a: sum(distances[row, c] for row, c in enumerate(a)))
    assert class_program(distances).argmax(axis=1).tolist() == list(best)


def test_by_hand_the_second_class_takes_the_row_that_loses_least():
    # all three rows are nearer to class 0; giving one away costs 3, 1 or 2: the second row goes
    shares = class_program(np.array([[1.0, 4.0], [1.0, 2.0], [1.0, 3.0]]))
    assert shares == pytest.approx(np.array([[1, 0], [0, 1], [1, 0]]))


@pytest.mark.parametrize("align", ["none", "coral"])
def test_where_each_class_is_nearest_to_some_row_it_is_the_nearest_mean(align):
    method = easytl(align=align).fit(TASK)
    source = recolour(SOURCE, TARGET, 1.0) if align == "coral" else SOURCE
    means = np.stack([source[c == LABELS].mean(axis=0) for c in range(3)])
    want = ((TARGET[:, None] - means) ** 2).sum(-1).argmin(axis=1)
    assert method.history == [{"program_moved": 0.0}]
    assert (method.predict_proba(TARGET).argmax(axis=1) == want).all()
    plain = easytl(align=align, program=False).fit(TASK)
    assert (method.predict_proba(TEST) == plain.predict_proba(TEST)).all()
    assert method.features(SOURCE, "source") == pytest.approx(source)


def test_where_the_constraint_binds_known_rows_have_the_programs_class_and_new_ones_the_nearest_means():
    line, labels = np.array([[0.0], [10.0], [20.0]]), np.arange(3)
    target = np.array([[0.5], [1.0], [11.0], [12.0]])  # nobody is near 20
    method = easytl().fit(Task(Labelled(line, labels), target, None, None, 3, (1,)))
    assert method.history == [{"program_moved": 0.25}]
    assert method.predict_proba(target).argmax(axis=1).tolist() == [0, 0, 1, 2]
    assert method.predict_proba(target[::-1]).argmax(axis=1).tolist() == [2, 1, 0, 0]
    assert method.predict_proba(np.array([[12.5]])).argmax() == 1


def test_shots_join_the_means_as_they_are():
    shots = Labelled(TARGET[:3] + 9, np.arange(3))
    method = easytl(program=False).fit(Task(TASK.source, TARGET, shots, None, 3, (4,)))
    want = np.concatenate([SOURCE[LABELS == 1], TARGET[1:2] + 9]).mean(axis=0)
    assert method.classifier.means_KD[1] == pytest.approx(want)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="2 rows cannot hold one of each of 3 classes"):
        class_program(np.ones((2, 3)))
    with pytest.raises(Refused, match=r"method\.program=false"):
        easytl().fit(Task(TASK.source, TARGET[:2], None, None, 3, (4,)))
    easytl(program=False).fit(Task(TASK.source, TARGET[:2], None, None, 3, (4,)))
    for wrong in ({"align": "pca"}, {"ridge": 0.0}):
        with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
            easytl(**wrong)
