"""Candidates for the warning, by hand and on data whose truth is known."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.warning_candidates.active import doubtful_rows
from benchmarks.warning_candidates.aggregation import RIDGE, parts
from benchmarks.warning_candidates.posteriors import dawid_skene, lead, score_mixture
from benchmarks.warning_candidates.reverse import way_back
from tests.support import settled
from tests.transfer.warning.outlooks import outlook
from tlbench.running.setup import Setup
from tlbench.transfer.warning.outlook import made_small


def test_a_voter_that_takes_one_class_for_another_is_believed_once_turned_round():
    truth = np.random.default_rng(0).integers(0, 3, 200)
    turned = np.array([1, 2, 0])[truth]
    found = dawid_skene(np.stack([truth, truth, turned, turned[::-1]]), 3)
    assert (found.argmax(axis=1) == truth).all()
    where = truth == 0
    assert found[where, 0].min() > 0.99


def test_one_round_is_bayes_rule_with_counted_confusions():
    said = np.array([[0, 0, 1], [0, 1, 1]])
    # shares before: (1, 0), (1/2, 1/2), (0, 1); each voter's counts of (class, said) with 0.5 a class and 1 more if right
    first = np.array([[1 + 0.5 + 1.5, 0.0 + 0.5], [0.5 + 0.5, 1.0 + 1.5]])
    first = first / first.sum(axis=1, keepdims=True)
    second = np.array([[1 + 1.5, 0.5 + 0.5], [0.5, 1.5 + 1.5]])
    second = second / second.sum(axis=1, keepdims=True)
    joint = np.stack([0.5 * first[:, a] * second[:, b] for a, b in said.T])
    assert dawid_skene(said, 2, rounds=1) == pytest.approx(joint / joint.sum(axis=1, keepdims=True))


def test_what_is_known_teaches_whom_to_believe():
    """Two against two: labels of a few examples settle which two, and with them all the others."""
    truth = np.random.default_rng(0).integers(0, 2, 60)
    said = np.stack([truth, truth, 1 - truth, 1 - truth])
    found = dawid_skene(said, 2, known={row: int(truth[row]) for row in range(6)})
    assert (found.argmax(axis=1) == truth).all()


def test_doubtful_disagreements_are_chosen_one_after_the_other():
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    own, reference = np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.array([0, 0, 1, 0, 1, 1, 0, 1])
    sides = np.stack([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 1, 1]])
    said = np.concatenate([[own, reference], sides])
    first = doubtful_rows(said, 2, truth, 1)
    assert first.tolist() == [3]  # the only disagreement on which the other three are at odds
    assert sorted(doubtful_rows(said, 2, truth, 9).tolist()) == [2, 3, 6, 7]
    assert doubtful_rows(np.stack([own, own]), 2, truth, 3).tolist() == []


def test_an_example_among_others_scores_has_their_class():
    """Groups far apart share no density, so each example gets the mean of its neighbours' scores, its own left out."""
    rng = np.random.default_rng(0)
    first = np.concatenate([[0.49], rng.normal(0.7, 0.005, 60), rng.normal(0.02, 0.001, 60)])
    found = score_mixture(np.stack([np.column_stack([p, 1 - p]) for p in (first, first)]))
    assert found[0, 0] == pytest.approx(0.7, abs=0.01)
    assert found[1:61, 0] == pytest.approx(np.full(60, (60 * 0.7 + 0.49) / 61), abs=0.01)
    assert found[61:, 0] == pytest.approx(np.full(60, 0.02), abs=0.005)


def test_a_lead_is_over_examples_on_which_the_two_differ():
    found = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert lead(found, np.array([0, 1, 2]), np.array([1, 1, 0])) == pytest.approx(((0.7 - 0.2) + (0.8 - 0.1)) / 2)
    assert lead(found, np.array([0, 1, 2]), np.array([0, 1, 2])) == 0.0


def test_aggregation_is_least_squares_on_weighted_examples():
    rng = np.random.default_rng(0)
    target, val = rng.dirichlet(np.ones(3), (2, 2, 40))
    labels, weights = rng.integers(0, 3, 40), rng.uniform(0.5, 2, 40)
    own, reference = (
        made_small(target[i], np.empty((40, 0)), None, (val[i], labels, weights), {}, {}) for i in range(2)
    )
    columns = target.reshape(2, -1).T
    true = np.eye(3)[labels] * (weights / weights.sum())[:, None]
    right = [(one * true).sum() for one in val]
    expected = np.linalg.solve(columns.T @ columns / 40 + RIDGE * np.eye(2), right)
    assert parts(own, reference) == pytest.approx(tuple(expected), rel=2e-3)


def test_without_source_validation_there_is_no_aggregation():
    assert parts(outlook([0, 1]), outlook([1, 1])) is None


def test_the_way_back_is_that_of_a_classifier_fitted_to_its_own_words(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (2, 80))
    rows = rng.normal(0, 1, (2, 80, 2)) + 1.5 * labels[:, :, None]
    for name, x, y in zip("ab", rows, labels, strict=True):
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
    words = [
        "dataset=arrays",
        f"dataset.paths={{a:{tmp_path}/a.npz,b:{tmp_path}/b.npz}}",
        "pair=a-b",
        "protocol=transductive",
    ]
    setup = Setup.of(
        settled(*words, "classifier=nearest_neighbour", "backbone=identity", "method=source_only", "seed=0")
    )
    said = KNeighborsClassifier(1).fit(rows[0], labels[0]).predict(rows[1])
    expected = KNeighborsClassifier(1).fit(rows[1], said).score(rows[0], labels[0])
    assert 0.5 < expected < 1.0
    assert way_back(setup) == pytest.approx(expected)
