import numpy as np
import pytest

from tlbench.functional import gaussian
from tlbench.functional.gaussian import drawn_folds, log_gaussian, median_distance, shuffled_order, sorted_order

X = np.random.default_rng(0).normal(size=(30, 4))


def test_kernel_and_width_by_hand():
    # |(0, 0) - (3, 4)|^2 / (2 * 5^2) = 1/2; distances of 0, 1, 3 on a line: 1, 2, 3
    assert log_gaussian(np.zeros((1, 2)), np.array([[3.0, 4.0]]), 5.0) == pytest.approx(-0.5)
    assert median_distance(np.array([[0.0], [1.0], [3.0]])) == pytest.approx(2)
    assert median_distance(np.array([[0.0]] * 4 + [[2.0]])) == pytest.approx(
        2 * 4 / 10
    )  # 4 of 10 pairs differ: the mean
    assert median_distance(np.zeros((3, 2))) == 1


def test_the_kernel_of_rows_far_from_zero_is_that_of_their_differences():
    x, y = 1e6 + X, 1e6 + 2 * X[:7]  # products of 1e12 have steps of 1e-4
    naive = [[-np.square(a - b).sum() / (2 * 1.5**2) for b in y] for a in x]
    np.testing.assert_allclose(log_gaussian(x, y, 1.5), naive, rtol=1e-12)


@pytest.mark.parametrize("columns", [3, 40])
def test_rows_are_sorted_by_all_columns_the_last_first(columns):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, size=(200, columns)).astype(float)
    x[:100, -20:] = rng.integers(0, 3, size=(100, 1))  # rows that end alike: earlier columns order them
    x[100:150, -20:] = rng.normal(size=(50, min(columns, 20)))
    x[150:] = x[:50]  # equal rows stay in the order in which they come
    np.testing.assert_array_equal(sorted_order(x), np.lexsort(x.T))
    np.testing.assert_array_equal(sorted_order(x[:1]), [0])


def test_of_many_rows_the_median_is_that_of_some_in_any_order(monkeypatch):
    whole = median_distance(X)
    monkeypatch.setattr(gaussian, "MOST_ROWS", 10)
    some = median_distance(X)
    assert some == median_distance(X[::-1])
    assert some != whole
    assert some == pytest.approx(whole, rel=0.3)


def test_draws_are_of_rows_not_of_places():
    other = np.random.default_rng(5).permutation(30)
    one, two = (shuffled_order(x, np.random.default_rng(3))[:10] for x in (X, X[other]))
    np.testing.assert_array_equal(X[one], X[other][two])
    assert set(one) != set(shuffled_order(X, np.random.default_rng(4))[:10])
    fold, again = (drawn_folds(x, 4, np.random.default_rng(3)) for x in (X, X[other]))
    np.testing.assert_array_equal(fold[other], again)
    assert sorted(np.bincount(fold)) == [7, 7, 8, 8]
