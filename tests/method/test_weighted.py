"""What all methods that weigh the source do with a ratio, whatever it is."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp

from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM, Logistic, NearestNeighbour
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.reweighting import effective_share
from tlbench.method import WeightedMethod
from tlbench.method.weighted import in_axes
from tlbench.seeds import stream

TASK, HELD = gaussian_task()
COMMON = {"cap": 10.0, "min_ess": 0.1, "dim": None, "shot_weight": 1.0}


class Given(WeightedMethod):
    """A ratio that a test gives."""

    def __init__(self, given, **base):
        super().__init__(**{**COMMON, "classifier": Spy(n_classes=2, seed=3, C=1.0), **base})
        self.given = given

    def ratio(self, source_ND, target_MD, rng):
        self.seen, self.drawn = (source_ND, target_MD), rng.random()
        return np.asarray(self.given, dtype=float), {"own": 7.0}


class Spy(Logistic):
    def fit(self, x, y, weights=None):
        self.got = x, y, weights
        return super().fit(x, y, weights)


def test_the_classifier_gets_the_weights_of_the_source():
    ratio = np.arange(60) + 5.0
    method = Given(ratio).fit(TASK)
    x, y, weights = method.classifier.got
    assert x is TASK.source.inputs
    assert y.tolist() == TASK.source.labels.tolist()
    np.testing.assert_allclose(weights, ratio / ratio.mean())
    np.testing.assert_allclose(method.weights, weights, rtol=1e-12)
    want = Logistic(n_classes=2, seed=0, C=1.0).fit(TASK.source.inputs, TASK.source.labels, weights)
    np.testing.assert_array_equal(method.predict_proba(HELD.test.inputs), want.predict_proba(HELD.test.inputs))
    assert method.drawn == stream(3, "density ratio").random()


def test_the_history_says_how_far_the_weights_are_from_equal():
    # 60 rows: one of 100, 19 of 1, 40 of 0
    ratio = np.array([100.0] + [1.0] * 19 + [0.0] * 40)
    method = Given(ratio, min_ess=0.2, cap=6.0).fit(TASK)
    (row,) = method.history
    assert row["zero"] == pytest.approx(40 / 60)
    assert row["largest"] == pytest.approx(6 / 60)  # the cap
    assert row["ess"] == pytest.approx(effective_share(method.weights))
    assert 0 < row["flattened"] < 1
    assert row["own"] == 7
    assert Given(ratio, min_ess=0.0, cap=6.0).fit(TASK).history[0]["flattened"] == 1


@pytest.mark.parametrize("least", [1.0, 0.1])
def test_equal_weights_are_none_and_the_fit_is_the_references_to_the_bit(least):
    ratio = np.full(60, 0.3) if least == 0.1 else np.arange(60.0)  # at min_ess=1 all is flattened
    method = Given(ratio, min_ess=least).fit(TASK)
    assert method.classifier.got[2] is None
    want = Logistic(n_classes=2, seed=0, C=1.0).fit(TASK.source.inputs, TASK.source.labels)
    np.testing.assert_array_equal(method.predict_proba(HELD.test.inputs), want.predict_proba(HELD.test.inputs))


def test_shots_join_with_their_weight_and_all_have_mean_one():
    task, _ = gaussian_task(shots_per_class=2)
    ratio = np.arange(60) + 5.0
    x, y, weights = Given(ratio, shot_weight=3.0).fit(task).classifier.got
    np.testing.assert_array_equal(x, np.concatenate([task.source.inputs, task.shots.inputs]))
    np.testing.assert_array_equal(y, np.concatenate([task.source.labels, task.shots.labels]))
    raw = np.concatenate([ratio / ratio.mean(), np.full(4, 3.0)])
    np.testing.assert_allclose(weights, raw / raw.mean())
    assert Given(np.ones(60)).fit(task).classifier.got[2] is None  # source_and_target
    assert Given(np.ones(60), shot_weight=15.0).fit(task).classifier.got[2] == pytest.approx([64 / 120] * 60 + [8] * 4)


def test_labels_have_no_part_in_the_ratio():
    task = dataclasses.replace(TASK, source=type(TASK.source)(TASK.source.inputs, 1 - TASK.source.labels))
    one, two = (Given(np.arange(60.0)).fit(t) for t in (TASK, task))
    np.testing.assert_array_equal(one.weights, two.weights)
    assert one.drawn == two.drawn


def test_sparse_rows_are_dense_for_the_ratio_and_sparse_for_the_classifier():
    task = dataclasses.replace(
        TASK,
        source=type(TASK.source)(sp.csr_matrix(TASK.source.inputs), TASK.source.labels),
        target=sp.csr_matrix(TASK.target),
    )
    method = Given(np.arange(60.0)).fit(task)
    np.testing.assert_array_equal(method.seen[0], TASK.source.inputs)
    np.testing.assert_array_equal(method.seen[1], TASK.target)
    assert sp.issparse(method.classifier.got[0])


def test_the_ratio_is_estimated_in_the_axes_of_both_domains():
    xs, xt = TASK.source.inputs, TASK.target
    one, two = in_axes(xs, xt, 2)
    both = np.concatenate([xs, xt])
    centred = both - both.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(np.concatenate([one, two])), np.abs(left[:, :2] * size[:2]))
    for dim in (None, 3, 50):
        assert in_axes(xs, xt, dim)[0] is xs
    assert in_axes(xs[:2], xt[:1], 2)[0].shape == (2, 2)
    method = Given(np.arange(60.0), dim=2).fit(TASK)
    np.testing.assert_array_equal(method.seen[0], one)
    assert method.classifier.got[0] is xs  # the classifier sees the features as they are


def test_a_ratio_of_nothing_is_refused():
    Given([1.0] + [0.0] * 59).fit(TASK)
    for ratio in (np.zeros(60), [np.nan] + [1.0] * 59):
        with pytest.raises(Refused, match="Given finds no source example that is like the target's"):
            Given(ratio).fit(TASK)


def test_a_classifier_without_weights_is_refused_unless_it_needs_none():
    nearest = NearestNeighbour(n_classes=2, seed=0)
    Given(np.ones(60), classifier=nearest).fit(TASK)
    with pytest.raises(Refused, match="takes no weights"):
        Given(np.arange(60.0), classifier=nearest).fit(TASK)
    assert not NearestNeighbour.takes_weights
    assert LinearSVM.takes_weights
    assert WeightedMethod.weighs


def test_weights_are_let_go_of_before_a_method_is_kept():
    method = Given(np.arange(60.0)).fit(TASK)
    method.forget()
    assert method.weights is None


@pytest.mark.parametrize(
    ("name", "value"), [("cap", 1.0), ("min_ess", -0.1), ("min_ess", 1.1), ("dim", 0), ("shot_weight", 0.0)]
)
def test_values_out_of_range_are_refused(name, value):
    Given(np.ones(60), cap=1.01, min_ess=1.0, dim=1, shot_weight=0.01)
    with pytest.raises(TlbenchError, match=rf"method\.{name} must be .* Set by method\.{name}="):
        Given(np.ones(60), **{name: value})
