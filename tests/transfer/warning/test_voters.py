"""Voters by hand, and beside scikit-learn's own."""

import numpy as np
import pytest

from tlbench.transfer.warning.voters import VOTERS, closest, nearest, votes


def test_each_voter_by_hand():
    # class 0 at -2 and 1, class 1 at 3 and 4: the means -0.5 and 3.5 part at 1.5, the nearest neighbours' majority does not
    source, labels = np.array([[-2.0], [1.0], [1.2], [3.0], [4.0]]), np.array([0, 0, 1, 1, 1])
    found = votes(source, labels, np.array([[-5.0], [9.0]]))
    assert set(found) == set(VOTERS)
    assert found["means"].tolist() == [0, 1]
    assert found["ridge"].tolist() == [0, 1]
    assert found["neighbours"].tolist() == [1, 1]  # all five are neighbours, and three of them are of class 1


def test_the_ridge_is_that_of_the_normal_equations():
    rng = np.random.default_rng(0)
    source, target, labels = rng.normal(size=(40, 3)), rng.normal(size=(30, 3)) + 1, rng.integers(0, 3, 40)
    pooled = np.concatenate([source, target])
    x = (pooled - pooled.mean(axis=0)) / pooled.std(axis=0) / np.sqrt(3)
    xs, y = x[:40] - x[:40].mean(axis=0), np.where(np.eye(3)[labels] > 0, 1.0, -1.0)
    w = np.linalg.solve(xs.T @ xs + np.eye(3), xs.T @ (y - y.mean(axis=0)))
    want = ((x[40:] - x[:40].mean(axis=0)) @ w + y.mean(axis=0)).argmax(axis=1)
    np.testing.assert_array_equal(votes(source, labels, target)["ridge"], want)


def test_classes_keep_their_numbers_and_one_class_is_all_that_can_be_said():
    source, target = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([[0.0], [5.0]])
    found = votes(source, np.array([2, 2, 7, 7]), target)
    assert found["means"].tolist() == found["ridge"].tolist() == [2, 7]
    assert all(v.tolist() == [3, 3] for v in votes(source, np.full(4, 3), target).values())


def test_nearest_leaves_an_example_itself_out():
    assert nearest(np.array([[0.0], [1.0], [10.0]])).tolist() == [[1, 2], [0, 2], [1, 0]]
    assert nearest(np.array([[0.0]])).shape == (1, 0)
    assert nearest(np.arange(9.0)[:, None]).shape == (9, 5)


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_constant_column_is_no_obstacle(constant):
    source = np.column_stack([[0.0, 1, 5, 6], np.full(4, constant)])
    assert votes(source, np.array([0, 0, 1, 1]), source)["means"].tolist() == [0, 0, 1, 1]


def test_of_equally_near_examples_the_first_counts_wherever_they_lie():
    same = np.zeros((40, 7), np.float32)
    assert nearest(same)[0].tolist() == [1, 2, 3, 4, 5]
    assert nearest(same)[39].tolist() == [0, 1, 2, 3, 4]
    assert closest(np.array([[0.1]]), np.array([[0.3], [-0.1], [5.0]]), 2).tolist() == [[0, 1]]


def test_nearest_examples_are_those_of_plain_distances_in_pieces_too(monkeypatch):
    monkeypatch.setattr("tlbench.transfer.warning.voters.AT_ONCE", 4)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(11, 3)) + 100, rng.normal(size=(9, 3)) + 100
    far = np.linalg.norm(x[:, None] - y[None], axis=2)
    np.testing.assert_array_equal(closest(x, y, 3), np.argsort(far, axis=1)[:, :3])
    own = np.linalg.norm(x[:, None] - x[None], axis=2) + np.diag(np.full(11, np.inf))
    np.testing.assert_array_equal(nearest(x), np.argsort(own, axis=1)[:, :5])
