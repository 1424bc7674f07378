from itertools import product

import numpy as np
import pytest
from scipy import stats

from tlbench.metrics import METRICS, Joined, metric_named
from tlbench.transfer.gain import paired_gain
from tlbench.transfer.statistic_gain import SWAPS, Groups, _swap_p, paired_statistic, spread

HOS = metric_named("hos", 2)


def drawn(n=240, seed=0, apart=0.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    right, other = rng.random(n) < 0.6 + apart, rng.random(n) < 0.6
    return labels, right, other, np.arange(n)


def score(labels, right):
    return HOS.score(labels, np.where(right, labels, (labels + 1) % 3))


def shares(right_RC, count_C):
    """The plain accuracy, in the form of a statistic."""
    return right_RC.sum(axis=1) / np.broadcast_to(count_C, right_RC.shape).sum(axis=1)


def test_the_estimate_is_the_difference_of_the_scores():
    labels, right, other, groups = drawn()
    found = paired_statistic(HOS.values, HOS.slopes, labels, right, other, groups, alpha=0.05)
    assert found.gain == pytest.approx(100 * (score(labels, right) - score(labels, other)))
    assert (found.n, found.n_groups) == (240, 240)
    assert found.low < found.gain < found.high


def test_p_is_that_of_all_ways_to_swap():
    """Where the runs can be exchanged it is the larger of the two."""
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    right, other = np.array([1, 1, 1, 0, 1, 1, 1, 0], bool), np.array([0, 1, 0, 1, 0, 1, 0, 0], bool)
    groups = np.array([0, 1, 2, 3, 4, 5, 4, 6])
    seen = []
    for swaps in product([False, True], repeat=7):
        turn = np.array(swaps)[groups]
        seen.append(score(labels, np.where(turn, other, right)) - score(labels, np.where(turn, right, other)))
    want = np.mean(np.abs(seen) >= abs(seen[0]) - 1e-12)
    found = _swap_p(HOS.values, Groups.of(labels, right, other, groups), seen[0], 0)
    assert 0 < want < 1
    assert found == pytest.approx(want, abs=4 * np.sqrt(want * (1 - want) / SWAPS))


def test_the_spread_by_hand():
    """Two known classes of 2 and the unknown one of 4; recalls 1/2, 1, 3/4 against 1/2, 1/2, 1/4."""
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    right, other = np.array([1, 0, 1, 1, 1, 1, 1, 0], bool), np.array([1, 0, 0, 1, 0, 0, 1, 0], bool)
    # a = b = 3/4: slopes 1/4, 1/4, 1/2; and a = 1/2, b = 1/4: 2 (1/3)^2 / 2 = 1/9, 1/9, 2 (2/3)^2 = 8/9
    # class 0: +-(1/4 - 1/9) / 2 * 1/2 = +-5/144 twice, times 2 / 1
    # class 1: -1/9 / 2 * +-1/2 = +-1/36 twice, times 2 / 1
    # class 2: 1/8 * (1/4, 1/4, 1/4, -3/4) - 2/9 * (-1/4, -1/4, 3/4, -1/4) = (25, 25, -39, -11) / 288, times 4 / 3
    of_class = np.array([4 * (5 / 144) ** 2, 4 / 36**2, (2 * 25**2 + 39**2 + 11**2) / 288**2 * 4 / 3])
    groups = Groups.of(labels, right, other, np.arange(8))
    error, freedom = spread(HOS.slopes, groups, extra=0)
    assert error == pytest.approx(np.sqrt(of_class.sum()))
    assert freedom == pytest.approx(of_class.sum() ** 2 / (of_class**2 / [1, 1, 3]).sum())
    error, freedom = spread(HOS.slopes, groups)
    found = paired_statistic(HOS.values, HOS.slopes, labels, right, other, np.arange(8), alpha=0.1)
    half = 100 * error * stats.t.ppf(0.95, freedom)
    assert (found.low, found.high) == pytest.approx((found.gain - half, found.gain + half))


def test_with_one_class_it_is_the_paired_t_test():
    one = Joined(lambda right_RC, count_C, _: right_RC[:, 0] / count_C[0], lambda right_C, count_C, _: np.ones(1))
    rng = np.random.default_rng(3)
    right, other = rng.random(60) < 0.8, rng.random(60) < 0.5
    groups = np.repeat(np.arange(20), 3)
    difference = (right.astype(int) - other).reshape(20, 3).mean(axis=1)
    made = Groups.of(np.zeros(60, int), right, other, groups)
    error, freedom = spread(lambda r, n: one.slopes(r, n, 0), made, extra=0)
    assert freedom == pytest.approx(19)
    assert difference.mean() / error == pytest.approx(stats.ttest_1samp(difference, 0).statistic)


def test_an_extra_group_is_a_quarter_of_each_way_to_answer():
    """Four times as many examples and one of each way are four times the same with one extra."""
    rng, ways = np.random.default_rng(5), np.array([[1, 1], [1, 0], [0, 1], [0, 0]], bool)
    right, other = rng.random(7) < 0.8, rng.random(7) < 0.4
    many_right, many_other = (np.r_[np.tile(own, 4), ways[:, k]] for k, own in enumerate((right, other)))
    made = [
        Groups.of(np.zeros(len(r), int), r, o, np.arange(len(r))) for r, o in ((right, other), (many_right, many_other))
    ]

    def slopes(right_C, count_C):
        return np.ones(1)

    one, _ = spread(slopes, made[0])
    four, _ = spread(slopes, made[1], extra=0)
    # of 8 examples the mean square over 8 - 1, of 32 over 32 - 1
    assert one**2 * 7 == pytest.approx(four**2 * 31)


def test_p_is_no_smaller_than_that_of_t_where_the_runs_are_of_two_kinds():
    """The one is right on all known examples and half of the unknown ones, the other the reverse: they cannot be exchanged."""
    labels = np.array([0] * 20 + [1] * 20 + [2] * 12)
    right = np.r_[np.ones(40, bool), np.tile([True, False, False], 4)]
    other = np.r_[np.arange(40) % 3 > 0, np.ones(12, bool)]
    groups = Groups.of(labels, right, other, np.arange(52))
    found = paired_statistic(HOS.values, HOS.slopes, labels, right, other, np.arange(52), alpha=0.05)
    error, freedom = spread(HOS.slopes, groups)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.gain) / 100 / error, freedom))
    assert found.p > 1.2 * _swap_p(HOS.values, groups, found.gain / 100, 0)


def test_no_end_is_beyond_what_a_difference_can_be():
    labels, right = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 1, 0, 1, 1], bool)
    found = paired_statistic(HOS.values, HOS.slopes, labels, right, right[[0, 3, 3, 3, 5, 3]], np.arange(6), alpha=0.05)
    assert -100 <= found.low < found.gain < found.high == 100


def share_slopes(right_C, count_C):
    return count_C / count_C.sum()


def test_of_a_mean_it_says_what_the_paired_gain_says():
    labels, right, other, groups = drawn(apart=0.1)
    mine = paired_statistic(shares, share_slopes, labels, right, other, groups // 2, alpha=0.05)
    theirs = paired_gain(right, other, groups // 2, alpha=0.05)
    assert mine.gain == pytest.approx(theirs.gain)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.8)
    assert mine.p == pytest.approx(theirs.p, abs=0.01)


def test_exchanging_the_runs_turns_all_numbers_round():
    labels, right, other, groups = drawn(apart=0.25)
    one = paired_statistic(HOS.values, HOS.slopes, labels, right, other, groups, alpha=0.05)
    two = paired_statistic(HOS.values, HOS.slopes, labels, other, right, groups, alpha=0.05)
    assert (two.gain, two.low, two.high, two.p) == (-one.gain, -one.high, -one.low, one.p)
    assert (one.flag, two.flag) == ("positive", "negative")
    same = paired_statistic(HOS.values, HOS.slopes, labels, right, right, groups, alpha=0.05, margin=1)
    assert (same.gain, same.low, same.high, same.p, same.flag) == (0, 0, 0, 1, "no_effect")


def test_the_names_of_groups_and_the_order_of_examples_do_not_matter():
    labels, right, other, groups = drawn(n=60)
    turn = np.random.default_rng(0).permutation(60)
    one = paired_statistic(HOS.values, HOS.slopes, labels, right, other, groups, alpha=0.05)
    two = paired_statistic(HOS.values, HOS.slopes, labels[turn], right[turn], other[turn], -groups[turn], alpha=0.05)
    assert one.as_dict() == pytest.approx(two.as_dict())


def test_examples_that_leave_no_value_are_refused():
    right = np.array([1, 0], bool)
    with pytest.raises(ValueError, match="no value for these examples"):
        paired_statistic(HOS.values, HOS.slopes, np.array([2, 2]), right, right, np.arange(2), alpha=0.05)


def test_another_seed_draws_other_swaps():
    labels, right, other, groups = drawn(n=12, apart=0.2)
    one, two = (_swap_p(HOS.values, Groups.of(labels, right, other, groups), 0.3, seed) for seed in (0, 1))
    assert one != two
    assert METRICS["accuracy"].joined is None
