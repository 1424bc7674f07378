import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from tlbench.transfer.features import (
    checked_labels,
    checked_pair,
    left_svd,
    means_and_sds,
    standardised_pair,
    thin_svd,
)


def test_both_domains_are_measured_with_one_mean_and_one_sd_a_column():
    # pooled 0, 2, 4, 6: mean 3, sd sqrt(5) divided by n
    xs, xt = standardised_pair(np.array([[0.0], [2.0]]), np.array([[4.0], [6.0]]))
    assert xs.ravel() == pytest.approx([-3 / 5**0.5, -1 / 5**0.5])
    assert xt.ravel() == pytest.approx([1 / 5**0.5, 3 / 5**0.5])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e200, -3e-200])
def test_a_constant_column_becomes_zero(value):
    xs, xt = standardised_pair(np.full((3, 1), value), np.full((7, 1), value))
    assert np.abs(np.concatenate([xs, xt])).max() < 1e-12


def test_huge_and_tiny_columns_do_not_overflow():
    x = np.array([[0.0, 0.0], [1e200, 1e-200]])
    xs, xt = standardised_pair(x, x)
    assert np.concatenate([xs, xt]) == pytest.approx(np.tile([[-1.0], [1.0]], (2, 2)))


def test_the_inputs_stay_as_they_were():
    xs, xt = np.array([[1.0], [5.0]]), np.array([[3.0]])
    standardised_pair(xs, xt)
    assert (xs.tolist(), xt.tolist()) == ([[1.0], [5.0]], [[3.0]])


def test_sparse_and_integer_features_become_dense_float64():
    xs, xt = checked_pair(sparse.csr_matrix([[0, 3]]), np.array([[1, 2]], dtype=np.uint8))
    assert xs.dtype == xt.dtype == np.float64
    assert (xs.tolist(), xt.tolist()) == ([[0.0, 3.0]], [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("xs", "xt"),
    [(np.ones((2, 3)), np.ones((2, 4))), (np.ones(3), np.ones((2, 3))), (np.ones((2, 3)), np.ones((1, 3))),
     (np.ones((1, 3)), np.ones((2, 3))), (np.ones((2, 0)), np.ones((2, 0)))],
)  # fmt: skip
def test_impossible_shapes_are_refused(xs, xt):
    checked_pair(np.ones((2, 3)), np.ones((5, 3)), fewest=2)
    with pytest.raises(ValueError, match="one feature width"):
        checked_pair(xs, xt, fewest=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_feature_that_is_no_finite_number_is_refused(bad):
    with pytest.raises(ValueError, match="1 of 4"):
        checked_pair(np.ones((1, 4)), np.array([[1.0, bad, 1.0, 1.0]]))


@pytest.mark.parametrize(
    ("labels", "n_classes"),
    [([0, 1], 2), ([0, 1, 2], 2), ([0, -1, 1], 2), ([0, -1, 1], None), ([0.0, 1.0, 1.0], 2), ([[0], [1], [1]], 2)],
)
def test_labels_of_a_wrong_number_range_or_kind_are_refused(labels, n_classes):
    assert checked_labels([0, 1, 1], 3, 2).tolist() == [0, 1, 1]
    assert checked_labels([0, 7, 1], 3).tolist() == [0, 7, 1]
    with pytest.raises(ValueError):
        checked_labels(labels, 3, n_classes)


def test_a_decomposition_that_does_not_converge_is_made_another_way(monkeypatch):
    x = np.random.default_rng(0).normal(size=(6, 4))
    want = np.linalg.svd(x, full_matrices=False)

    def stops(*_, **__):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(np.linalg, "svd", stops)
    u, s, vt = thin_svd(x)
    np.testing.assert_allclose(s, want[1])
    np.testing.assert_allclose(u * s @ vt, x, atol=1e-12)


def test_means_and_sds_are_scikit_learns_to_the_bit():
    x = np.random.default_rng(0).normal(3, 2, size=(50, 4))
    x[:, 1], x[:, 2] = 0.1, 1e-9 * x[:, 2] + 1e9  # constant; constant up to rounding
    want = StandardScaler().fit(x)
    mean, sd = means_and_sds(x)
    assert mean.tolist() == want.mean_.tolist()
    assert sd.tolist() == want.scale_.tolist()
    assert sd[1] == 1


@pytest.mark.parametrize("shape", [(6, 4), (4, 30)])
def test_left_singular_vectors_are_those_of_the_whole_decomposition(shape):
    x = np.random.default_rng(0).normal(size=shape)
    (u, s), (all_u, all_s, _) = left_svd(x), thin_svd(x)
    np.testing.assert_allclose(s, all_s, rtol=1e-12)
    np.testing.assert_allclose(np.abs(u), np.abs(all_u), atol=1e-12)
