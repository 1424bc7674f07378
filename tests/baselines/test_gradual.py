"""Gradual self-training and GOAT on lines and turned clouds: where each step leads, and where it must not."""

import numpy as np
import pytest

from baselines.goat import Goat, interpolated
from baselines.gradual_self_training import GradualSelfTraining
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST
from tlbench.classifiers.closed_forms import NearestMean
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import TlbenchError
from tlbench.tasks import Labelled, Task

TURNS = np.deg2rad([0.0, 45.0, 90.0, 135.0])


def means(n_classes=3):
    return NearestMean(n_classes=n_classes, seed=0)


def gradual(classifier=None, **changed):
    settings = {"drop": 0.1, "soft": False, "path": "given", **changed}
    return GradualSelfTraining(**settings, classifier=classifier or means())


def cloud(angle, seed, n=40):
    """Two classes on both sides of a line through the origin that turns."""
    rng, labels = np.random.default_rng(seed), np.arange(n) % 2
    side = np.where(labels == 1, 1.0, -1.0)[:, None] * np.array([[np.cos(angle), np.sin(angle)]])
    return 3 * side + 0.3 * rng.normal(size=(n, 2)), labels


CLOUDS = [cloud(angle, seed) for seed, angle in enumerate(TURNS)]


def chain(*order):
    bridges = tuple(CLOUDS[i][0] for i in order[1:-1])
    return Task(Labelled(*CLOUDS[order[0]]), CLOUDS[order[-1]][0], None, None, 2, (2,), bridges=bridges)


def right(method, *order):
    return (method.fit(chain(*order)).predict_proba(CLOUDS[order[-1]][0]).argmax(axis=1) == CLOUDS[order[-1]][1]).mean()


def test_a_chain_turns_with_its_domains_and_in_another_order_or_without_it_loses():
    assert right(gradual(means(2)), 0, 1, 2, 3) == 1
    assert right(gradual(means(2)), 0, 3) == 0  # at 135 degrees each class lies where the other was
    assert right(gradual(means(2)), 0, 2, 1, 3) < 1  # 90 degrees off, a guess is a coin
    assert right(gradual(means(2), path="pooled"), 0, 1, 2, 3) < 1


def test_each_step_is_fitted_on_the_kept_rows_of_its_stage_alone():
    bridge = (SOURCE[::2] + TARGET[:15]) / 2
    method = gradual(drop=0.3).fit(Task(TASK.source, TARGET, None, None, 3, (4,), bridges=(bridge,)))
    teacher = means().fit(SOURCE, LABELS)
    for rows, told in zip((bridge, TARGET), method.history, strict=True):
        p = teacher.predict_proba(rows)
        first, second = np.sort(p, axis=1)[:, ::-1][:, :2].T
        kept = np.sort(np.argsort(-(first - second), kind="stable")[: int(np.ceil(0.7 * len(rows)))])
        assert told == {"kept": len(kept) / len(rows), "margin": pytest.approx((first - second).mean())}
        teacher = means().fit(rows[kept], p[kept].argmax(axis=1))
    assert method.predict_proba(TEST) == pytest.approx(teacher.predict_proba(TEST))


def test_pooled_is_one_step_on_all_unlabelled_rows():
    bridge = SOURCE[::2] + 1
    got = gradual(path="pooled").fit(Task(TASK.source, TARGET, None, None, 3, (4,), bridges=(bridge,)))
    want = gradual().fit(Task(TASK.source, np.concatenate([bridge, TARGET]), None, None, 3, (4,)))
    assert (got.predict_proba(TEST) == want.predict_proba(TEST)).all()


def test_the_other_paths_are_other_chains():
    bridges = (SOURCE[::2] + 0.5, SOURCE[1::2] + 1.0)
    task = Task(TASK.source, TARGET, None, None, 3, (4,), bridges=bridges)
    turned = Task(TASK.source, TARGET, None, None, 3, (4,), bridges=bridges[::-1])
    given, reversed_ = (gradual(path=path).fit(task).predict_proba(TEST) for path in ("given", "reversed"))
    assert (reversed_ == gradual().fit(turned).predict_proba(TEST)).all()
    assert (given != reversed_).any()
    assert (gradual(path="direct").fit(task).predict_proba(TEST) == gradual().fit(TASK).predict_proba(TEST)).all()


def test_soft_labels_are_the_teachers_probabilities_as_weights():
    method = gradual(soft=True, drop=0.0).fit(TASK)
    p = means().fit(SOURCE, LABELS).predict_proba(TARGET)
    p = np.where(p < 1e-3, 0, p)
    assert method.classifier.means_KD == pytest.approx((p / p.sum(axis=0)).T @ TARGET)


def test_shots_join_the_first_teacher_and_the_last_student():
    shots = Labelled(TEST[:3] + 5, np.arange(3))
    bridge = SOURCE[::2] + 0.5
    task = Task(TASK.source, TARGET, shots, None, 3, (4,), bridges=(bridge,))
    teacher = means().fit(np.concatenate([SOURCE, shots.inputs]), np.concatenate([LABELS, shots.labels]))
    student = means().fit(bridge, teacher.predict_proba(bridge).argmax(axis=1))
    guesses = student.predict_proba(TARGET).argmax(axis=1)
    want = means().fit(np.concatenate([TARGET, shots.inputs]), np.concatenate([guesses, shots.labels]))
    assert gradual(drop=0.0).fit(task).predict_proba(TEST) == pytest.approx(want.predict_proba(TEST))


def test_a_stage_of_one_guess_has_no_student():
    far = np.full((6, 4), 50.0) + np.eye(6, 4)
    method = gradual(Logistic(n_classes=3, seed=0, C=1.0))
    task = Task(TASK.source, far, None, None, 3, (4,))
    want = Logistic(n_classes=3, seed=0, C=1.0).fit(SOURCE, LABELS).predict_proba(TEST)
    assert method.fit(task).predict_proba(TEST) == pytest.approx(want)


def test_rows_between_two_points_lie_on_the_way_with_the_plans_masses():
    pytest.importorskip("ot")
    x, z = np.array([[0.0], [10.0]]), np.array([[11.0], [1.0], [2.0], [12.0]])
    sets = list(interpolated(x, z, 3))
    assert len(sets) == 3
    for t, (rows, weights) in zip((0.25, 0.5, 0.75), sets, strict=True):
        assert sorted(rows.ravel()) == pytest.approx(sorted([t, 2 * t, 10 + t, 10 + 2 * t]))
        assert weights == pytest.approx(np.full(4, 0.25))
    assert list(interpolated(x, z, 0)) == []


def test_goat_without_inner_sets_is_gradual_self_training_and_with_them_it_turns_without_a_bridge():
    pytest.importorskip("ot")
    goat = Goat(inner=0, drop=0.1, soft=False, classifier=means(2))
    want = gradual(means(2)).fit(chain(0, 1, 2)).predict_proba(CLOUDS[2][0])
    assert goat.fit(chain(0, 1, 2)).predict_proba(CLOUDS[2][0]) == pytest.approx(want)
    for inner in (1, 4):
        assert right(Goat(inner=inner, drop=0.1, soft=False, classifier=means(2)), 0, 1) == 1


@pytest.mark.parametrize("wrong", [{"drop": -0.1}, {"drop": 1.0}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(TlbenchError, match=r"method\.drop must be from 0 to 0\.99"):
        gradual(**wrong)
    with pytest.raises(TlbenchError, match=r"method\.path must be given, reversed, pooled or direct"):
        gradual(path="shuffled")
    pytest.importorskip("ot")
    with pytest.raises(TlbenchError, match=r"method\.inner must be 0 or more"):
        Goat(inner=-1, drop=0.1, soft=False, classifier=means())
