import numpy as np
import pytest

from tlbench.functional.graph import cosine_graph, normalised


def test_by_hand():
    # at 0, 30 and 90 degrees: the first two are each other's nearest, the third's nearest is the second (60 degrees apart)
    angle = np.deg2rad([0.0, 30.0, 90.0])
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.array([[1.0], [5.0], [2.0]])
    near, far = np.cos(np.pi / 6), np.cos(np.pi / 3)
    weights = cosine_graph(rows, 1).toarray()
    assert weights == pytest.approx(np.array([[0, near, 0], [near, 0, far], [0, far, 0]]))
    scaled = normalised(cosine_graph(rows, 1)).toarray()
    assert scaled[0, 1] == pytest.approx(near / np.sqrt(near * (near + far)))


def test_it_is_symmetric_has_no_loops_and_the_roots_of_degrees_are_the_laplacians_null_vector():
    rows = np.random.default_rng(0).normal(size=(40, 6))
    weights = cosine_graph(rows, 7)
    assert abs(weights - weights.T).max() == 0
    assert weights.diagonal().max() == 0
    assert (weights.getnnz(axis=1) >= 7).all()
    root = np.sqrt(np.asarray(weights.sum(axis=1)).ravel())
    assert normalised(weights) @ root == pytest.approx(root)


def test_equal_rows_are_neighbours_of_one_another_and_not_of_themselves():
    weights = cosine_graph(np.repeat(np.eye(2), 3, axis=0), 2).toarray()
    assert weights == pytest.approx(np.kron(np.eye(2), np.ones((3, 3)) - np.eye(3)))


def test_opposite_rows_are_no_neighbours_and_stay_alone():
    scaled = normalised(cosine_graph(np.array([[1.0, 0], [-1.0, 0]]), 1))
    assert scaled.toarray() == pytest.approx(np.zeros((2, 2)))


@pytest.mark.parametrize("neighbours", [0, 3])
def test_more_neighbours_than_rows_are_refused(neighbours):
    cosine_graph(np.eye(3), 2)
    with pytest.raises(ValueError, match=f"1 to 2 neighbours a row, got {neighbours}"):
        cosine_graph(np.eye(3), neighbours)
