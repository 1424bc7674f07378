import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tlbench.transfer.prediction import predicts_gain


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_rho_by_hand():
    # ranks 1 2 3 4 5 and 2 1 4 3 5: 1 - 6 (1 + 1 + 1 + 1) / (5 * 24)
    found = predicts_gain([0.1, 0.2, 0.3, 0.4, 9.0], [-5, -9, 2, 1, 3], alpha=0.05, rng=rng())
    assert (found.rho, found.n) == (pytest.approx(0.8), 5)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=4))
def test_rho_agrees_with_scipy_ties_included(pairs):
    x, y = zip(*pairs, strict=True)
    found = predicts_gain(x, y, alpha=0.05, rng=rng())
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan(found.rho)
    else:
        assert found.rho == pytest.approx(spearmanr(x, y).statistic)


def test_the_p_value_is_that_of_all_orders():
    x, y = np.arange(6.0), np.array([3, 1, 0, 2, 5, 4])
    rho = spearmanr(x, y).statistic
    orders = np.array([spearmanr(x, order).statistic for order in itertools.permutations(y)])
    want = 2 * min((orders >= rho - 1e-9).mean(), (orders <= rho + 1e-9).mean())
    assert predicts_gain(x, y, alpha=0.05, rng=rng()).p == pytest.approx(want)
    assert predicts_gain(np.arange(5), -np.arange(5), alpha=0.05, rng=rng()).p == pytest.approx(2 / 120)


def test_the_interval_is_the_percentiles_over_resampled_pairs():
    x = rng(1).normal(size=25)
    y = -x + rng(2).normal(size=25)
    found = predicts_gain(x, y, alpha=0.2, rng=rng())
    draws, draw = [], rng(3)
    for _ in range(2000):
        chosen = draw.integers(0, 25, 25)
        draws.append(spearmanr(x[chosen], y[chosen]).statistic)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(draws, [0.1, 0.9])), abs=0.03)
    wide = predicts_gain(x, y, alpha=0.01, rng=rng())
    assert wide.low < found.low < found.rho < found.high < wide.high


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_fewer_than_five_pairs_have_no_interval_and_no_p_value(n):
    found = predicts_gain(np.arange(n), np.arange(n), alpha=0.05, rng=rng())
    assert np.isnan([found.low, found.high, found.p]).all()
    assert found.n == n
    assert np.isnan(found.rho) if n < 2 else found.rho == pytest.approx(1)
    five = predicts_gain(np.arange(5), np.arange(5), alpha=0.05, rng=rng())
    assert np.isfinite(five.p)


def test_fewer_than_eight_pairs_have_no_interval():
    seven, eight = (predicts_gain(np.arange(n), [1, 0, *range(2, n)], alpha=0.05, rng=rng()) for n in (7, 8))
    assert np.isnan([seven.low, seven.high]).all()
    assert eight.low < eight.rho <= eight.high


def test_a_side_that_does_not_vary_has_no_correlation():
    found = predicts_gain([1.0] * 8, np.arange(8), alpha=0.05, rng=rng())
    assert np.isnan([found.rho, found.low, found.high, found.p]).all()
    assert found.n == 8


def test_resamples_in_which_a_side_does_not_vary_do_not_spoil_the_interval():
    found = predicts_gain([0] * 7 + [1], range(8), alpha=0.05, rng=rng())
    assert np.isfinite([found.low, found.high]).all()


def test_pairs_without_a_distance_or_a_gain_are_left_out():
    more = [7, 8, 9]
    x, y = [1.0, 2, None, 3, 4, 5, np.nan, 6, *more], [2.0, 1, 9, 4, 3, np.inf, 9, 5, *more]
    found = predicts_gain(x, y, alpha=0.05, rng=rng())
    assert found == predicts_gain([1, 2, 3, 4, 6, *more], [2, 1, 4, 3, 5, *more], alpha=0.05, rng=rng())
    assert found.n == 8


def test_only_ranks_matter_and_a_turned_side_turns_the_sign():
    x, y = rng(1).normal(size=12), rng(2).normal(size=12)
    one, two = (predicts_gain(a, y, alpha=0.05, rng=rng()) for a in (x, np.exp(3 * x)))
    assert one == two
    turned = predicts_gain(-x, y, alpha=0.05, rng=rng())
    assert (turned.rho, turned.low, turned.high) == pytest.approx((-one.rho, -one.high, -one.low))


def test_a_distance_that_tells_nothing_is_seldom_called_telling():
    p = [predicts_gain(rng(k).normal(size=6), rng(500 + k).normal(size=6), alpha=0.05, rng=rng()).p for k in range(200)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.065)


@pytest.mark.parametrize(
    ("x", "y", "alpha"), [([1, 2], [1], 0.05), ([[1]], [[1]], 0.05), ([1], [1], 0.0), ([1], [1], 1.0)]
)
def test_lists_of_unequal_length_and_impossible_levels_are_refused(x, y, alpha):
    assert predicts_gain([1], [1], alpha=0.5, rng=rng()).n == 1
    with pytest.raises(ValueError):
        predicts_gain(x, y, alpha=alpha, rng=rng())
