from itertools import product

import numpy as np
import pytest

from tlbench.metrics import METRICS, metric_named
from tlbench.transfer.gain import paired_gain
from tlbench.transfer.statistic_gain import SWAPS, paired_statistic

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
    found = paired_statistic(HOS.values, labels, right, other, groups, alpha=0.05)
    assert found.gain == pytest.approx(100 * (score(labels, right) - score(labels, other)))
    assert (found.n, found.n_groups) == (240, 240)
    assert found.low < found.gain < found.high


def test_p_is_that_of_all_ways_to_swap():
    labels = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    right, other = np.array([1, 1, 1, 0, 1, 1, 1, 0], bool), np.array([0, 1, 0, 1, 0, 1, 0, 0], bool)
    groups = np.array([0, 1, 2, 3, 4, 5, 4, 6])
    seen = []
    for swaps in product([False, True], repeat=7):
        turn = np.array(swaps)[groups]
        seen.append(score(labels, np.where(turn, other, right)) - score(labels, np.where(turn, right, other)))
    want = np.mean(np.abs(seen) >= abs(seen[0]) - 1e-12)
    found = paired_statistic(HOS.values, labels, right, other, groups, alpha=0.05)
    assert 0 < want < 1
    assert found.p == pytest.approx(want, abs=4 * np.sqrt(want * (1 - want) / SWAPS))


def test_the_interval_is_that_of_a_naive_bootstrap_over_groups():
    labels, right, other, _ = drawn(apart=0.1)
    groups, rng = np.arange(240) // 2, np.random.default_rng(1)
    seen = []
    for _ in range(1500):
        rows = (2 * rng.integers(0, 120, 120)[:, None] + np.arange(2)).ravel()
        seen.append(100 * (score(labels[rows], right[rows]) - score(labels[rows], other[rows])))
    found = paired_statistic(HOS.values, labels, right, other, groups, alpha=0.1)
    assert (found.low, found.high) == pytest.approx(np.quantile(seen, [0.05, 0.95]), abs=1.0)


def test_of_a_mean_it_says_what_the_paired_gain_says():
    labels, right, other, groups = drawn(apart=0.1)
    mine = paired_statistic(shares, labels, right, other, groups // 2, alpha=0.05)
    theirs = paired_gain(right, other, groups // 2, alpha=0.05)
    assert mine.gain == pytest.approx(theirs.gain)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.8)
    assert mine.p == pytest.approx(theirs.p, abs=0.01)


def test_exchanging_the_runs_turns_all_numbers_round():
    labels, right, other, groups = drawn(apart=0.25)
    one = paired_statistic(HOS.values, labels, right, other, groups, alpha=0.05)
    two = paired_statistic(HOS.values, labels, other, right, groups, alpha=0.05)
    assert (two.gain, two.low, two.high, two.p) == (-one.gain, -one.high, -one.low, one.p)
    assert (one.flag, two.flag) == ("positive", "negative")
    same = paired_statistic(HOS.values, labels, right, right, groups, alpha=0.05, margin=1)
    assert (same.gain, same.low, same.high, same.p, same.flag) == (0, 0, 0, 1, "no_effect")


def test_the_names_of_groups_and_the_order_of_examples_do_not_matter():
    labels, right, other, groups = drawn(n=60)
    turn = np.random.default_rng(0).permutation(60)
    one = paired_statistic(HOS.values, labels, right, other, groups, alpha=0.05)
    two = paired_statistic(HOS.values, labels[turn], right[turn], other[turn], -groups[turn], alpha=0.05)
    assert one.as_dict() == pytest.approx(two.as_dict())


def test_a_resample_without_a_kind_of_class_is_left_out():
    labels = np.array([0, 1, 0, 1, 2])  # a third of all resamples lack the unknown example
    right, other = np.array([1, 1, 1, 1, 1], bool), np.array([1, 1, 0, 0, 1], bool)
    found = paired_statistic(HOS.values, labels, right, other, np.arange(5), alpha=0.05)
    assert np.isfinite([found.low, found.high]).all()
    with pytest.raises(ValueError, match="no value for these examples"):
        paired_statistic(HOS.values, np.array([2, 2]), right[:2], other[:2], np.arange(2), alpha=0.05)


def test_another_seed_draws_others():
    labels, right, other, groups = drawn(apart=0.05)
    one, two = (paired_statistic(HOS.values, labels, right, other, groups, alpha=0.05, seed=s) for s in (0, 1))
    assert one.gain == two.gain
    assert (one.low, one.p) != (two.low, two.p)
    assert METRICS["accuracy"].joined is None
