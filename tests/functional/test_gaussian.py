import numpy as np
import pytest

from tlbench.functional import gaussian
from tlbench.functional.gaussian import drawn_folds, log_gaussian, median_distance, shuffled_order

X = np.random.default_rng(0).normal(size=(30, 4))


def test_kernel_and_width_by_hand():
    # |(0, 0) - (3, 4)|^2 / (2 * 5^2) = 1/2; distances of 0, 1, 3 on a line: 1, 2, 3
    assert log_gaussian(np.zeros((1, 2)), np.array([[3.0, 4.0]]), 5.0) == pytest.approx(-0.5)
    assert median_distance(np.array([[0.0], [1.0], [3.0]])) == pytest.approx(2)
    assert median_distance(np.array([[0.0]] * 4 + [[2.0]])) == pytest.approx(
        2 * 4 / 10
    )  # 4 of 10 pairs differ: the mean
    assert median_distance(np.zeros((3, 2))) == 1


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
