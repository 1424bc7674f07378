import numpy as np
import pytest
import scipy.sparse as sp

from tlbench.data.transforms import channel_zscore, rescale, row_l1, row_l2, zscore

ALL = np.arange(4)
X = np.array([[1.0, 3, 0], [2, 2, 4], [0, 0, 0], [5, 5, 10]])


def test_row_l1_divides_by_the_sum_and_leaves_empty_rows():
    want = np.array([[0.25, 0.75, 0], [0.25, 0.25, 0.5], [0, 0, 0], [0.25, 0.25, 0.5]])
    np.testing.assert_allclose(row_l1(X, ALL), want)
    np.testing.assert_allclose(row_l1(sp.csr_matrix(X), ALL).toarray(), want)


def test_zscore_uses_the_population_deviation_and_zeroes_constant_features():
    x = np.array([[1.0, 7], [2, 7], [3, 7], [6, 7]])
    want = (x[:, 0] - 3) / np.sqrt((4 + 1 + 0 + 9) / 4)
    np.testing.assert_allclose(zscore(x, ALL), np.stack([want, np.zeros(4)], axis=1))


def test_zscore_looks_at_the_named_rows_only():
    x = np.array([[0.0], [2], [100], [-100]])
    np.testing.assert_allclose(zscore(x, np.array([0, 1])), (x - 1) / 1)


def test_rescale_sends_the_range_to_minus_one_and_one():
    got = rescale(np.array([[0, 255, 127.5]]), ALL, low=0, high=255)
    np.testing.assert_allclose(got, [[-1, 1, 0]], atol=1e-6)
    assert got.dtype == np.float32


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_row_l2_gives_unit_length_and_leaves_empty_rows(kind):
    got = row_l2(kind(np.array([[3.0, 4.0], [0.0, 0.0], [-2.0, 0.0]])), np.arange(1))
    got = got if isinstance(got, np.ndarray) else got.toarray()
    np.testing.assert_allclose(got, [[0.6, 0.8], [0.0, 0.0], [-1.0, 0.0]])


def test_channels_get_the_statistics_of_the_rows_that_may_be_looked_at():
    rng = np.random.default_rng(0)
    x = rng.normal([[[1.0], [5.0]]], [[[2.0], [0.5]]], (30, 2, 7))
    x[:, 1] *= np.arange(30)[:, None] < 20  # what is held out differs
    scaled = channel_zscore(x, np.arange(20))
    assert scaled.dtype == np.float32
    assert scaled[:20].mean(axis=(0, 2)) == pytest.approx([0, 0], abs=1e-6)
    assert scaled[:20].std(axis=(0, 2)) == pytest.approx([1, 1], rel=1e-5)
    assert scaled[25] == pytest.approx((x[25] - x[:20].mean((0, 2))[:, None]) / x[:20].std((0, 2))[:, None], rel=1e-5)
    assert (channel_zscore(np.ones((4, 2, 3)), np.arange(4)) == 0).all()
