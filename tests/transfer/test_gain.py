import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tlbench.transfer import gain as module
from tlbench.transfer.gain import flag, paired_gain, sampled_sign_flip_p, sign_flip_p


def bits(text: str) -> np.ndarray:
    return np.array([c == "1" for c in text])


def test_the_gain_is_the_difference_of_accuracies_in_percentage_points():
    own, other = bits("1101000000"), bits("1000000001")
    gain = paired_gain(own, other, np.arange(10), alpha=0.05)
    assert gain.gain == pytest.approx(100 * (own.mean() - other.mean())) == pytest.approx(10.0)
    assert (gain.n, gain.n_groups) == (10, 10)


def test_with_single_examples_the_p_value_is_the_exact_mcnemar_test():
    # 9 wins and 2 losses; ties say nothing
    sums = np.array([1] * 9 + [-1] * 2 + [0] * 30)
    assert sign_flip_p(sums) == pytest.approx(binomtest(9, 11).pvalue) == pytest.approx(0.0654296875)


def test_groups_flip_as_a_whole():
    # two groups of sums 2 and 3: |sum| >= 5 in 2 of 4 sign patterns; single examples would give 2 / 2^5
    assert sign_flip_p(np.array([2, 3])) == pytest.approx(0.5)
    own, other = np.ones(5, bool), np.zeros(5, bool)
    assert paired_gain(own, other, np.array([0, 0, 1, 1, 1]), alpha=0.05).p == pytest.approx(0.5)
    assert paired_gain(own, other, np.arange(5), alpha=0.05).p == pytest.approx(2 / 2**5)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_the_p_value_equals_the_enumeration_of_all_sign_patterns(sums):
    x = np.array(sums)
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(x))).reshape(len(x), -1)
    reached = np.abs(signs.T @ np.abs(x)) >= abs(x.sum())
    assert sign_flip_p(x) == pytest.approx(reached.mean())


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_exchanging_the_two_runs_changes_the_sign_and_nothing_else(rows):
    own, other, groups = (np.array(column) for column in zip(*rows, strict=True))
    one, two = paired_gain(own, other, groups, alpha=0.05), paired_gain(other, own, groups, alpha=0.05)
    assert one.gain == pytest.approx(-two.gain)
    assert one.p == pytest.approx(two.p)
    assert (one.low, one.high) == pytest.approx((-two.high, -two.low), abs=1e-9)
    assert one.low - 1e-9 <= one.gain <= one.high + 1e-9 or one.n_groups < 3


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(0), 0
    for seed in range(200):
        right = rng.random((2, 150)) < np.array([[0.7], [0.6]])
        gain = paired_gain(*right, np.arange(150), alpha=0.1, seed=seed)
        covered += gain.low <= 10 <= gain.high
    assert 165 <= covered <= 193  # 180 expected, sd 4.2; a 95 % interval would give 190, a 68 % one 137


def test_whole_groups_widen_the_interval_when_their_examples_agree():
    rng = np.random.default_rng(1)
    own = np.repeat(rng.random(50) < 0.7, 4)
    other = np.repeat(rng.random(50) < 0.6, 4)
    grouped = paired_gain(own, other, np.repeat(np.arange(50), 4), alpha=0.05)
    single = paired_gain(own, other, np.arange(200), alpha=0.05)
    assert (grouped.high - grouped.low) / (single.high - single.low) == pytest.approx(2, rel=0.2)  # sqrt(4)
    assert grouped.p > single.p


def test_runs_that_agree_everywhere_have_no_gain_and_no_flag():
    gain = paired_gain(bits("1010"), bits("1010"), np.arange(4), alpha=0.05)
    assert (gain.gain, gain.low, gain.high, gain.p, gain.flag) == (0, 0, 0, 1, "inconclusive")


@pytest.mark.parametrize(
    ("gain", "p", "want"),
    [(-3, 0.01, "negative"), (3, 0.01, "positive"), (-3, 0.05, "inconclusive"), (3, 0.2, "inconclusive"),
     (0, 0.0, "inconclusive"), (-3, float("nan"), "inconclusive")],
)  # fmt: skip
def test_a_flag_needs_a_p_value_below_the_level_and_a_sign(gain, p, want):
    assert flag(gain, p, 0.05) == want


def test_a_weighted_gain_is_the_difference_of_the_weighted_scores():
    # class 0 has 4 examples, class 1 has 1; the run is right on the one and wrong on one of the four
    labels = np.array([0, 0, 0, 0, 1])
    own, other = np.array([1, 1, 1, 0, 1], bool), np.array([1, 1, 1, 1, 0], bool)
    weights = np.array([1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 2])
    found = paired_gain(own, other, np.arange(5), alpha=0.05, weights_N=weights)
    assert found.gain == pytest.approx(100 * ((3 / 4 + 1) / 2 - (1 + 0) / 2))
    assert paired_gain(own, other, np.arange(5), alpha=0.05).gain == pytest.approx(0)
    assert len(labels) == found.n
    assert found.low <= found.gain <= found.high


@pytest.mark.parametrize("sums", [[0.5, -0.125, -0.125, 0.25], [0.3] * 6, [1 / 3, -1 / 7, 0.0, 0.2, 0.2]])
def test_the_sampled_p_value_equals_the_enumeration_of_all_sign_patterns(sums):
    values = np.array(sums)
    signs = np.array(list(itertools.product([-1, 1], repeat=len(values))))
    exact = (np.abs(signs @ values) >= abs(values.sum()) - 1e-12).mean()
    assert sampled_sign_flip_p(values, np.random.default_rng(0)) == pytest.approx(exact, abs=0.006)


def test_the_interval_is_that_of_drawing_groups_one_by_one():
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(0, 60, 200))
    own, other = rng.random(200) < 0.7, rng.random(200) < 0.6
    found = paired_gain(own, other, groups, alpha=0.1)
    difference = own.astype(int) - other
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    means = []
    for _ in range(4000):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        means.append(100 * difference[rows].mean())
    low, high = np.quantile(means, [0.05, 0.95])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.5)


def test_a_gain_shown_to_be_within_the_margin_is_no_effect():
    right = np.ones(4000, bool)
    other = right.copy()
    other[:4] = False
    one = paired_gain(right, other, np.arange(4000), alpha=0.05, margin=1.0)
    assert -1 < one.low <= one.high < 1
    assert one.flag == "no_effect"
    assert paired_gain(right, other, np.arange(4000), alpha=0.05, margin=0.1).flag == "inconclusive"
    assert paired_gain(right, other, np.arange(4000), alpha=0.05).flag == "inconclusive"
    other[:20] = False
    assert (
        paired_gain(right, other, np.arange(4000), alpha=0.05, margin=1.0).flag == "positive"
    )  # small, and beyond noise


def test_a_sampled_p_value_is_never_zero():
    assert sampled_sign_flip_p(np.full(200, 0.005), np.random.default_rng(0)) == 1 / (1 + module.FLIPS)


def test_equal_weights_give_the_unweighted_answer():
    rng = np.random.default_rng(0)
    own, other = rng.random(300) < 0.7, rng.random(300) < 0.6
    plain = paired_gain(own, other, np.arange(300) // 2, alpha=0.05)
    weighted = paired_gain(own, other, np.arange(300) // 2, alpha=0.05, weights_N=np.full(300, 1 / 300))
    assert weighted.gain == pytest.approx(plain.gain)
    assert (weighted.low, weighted.high) == pytest.approx((plain.low, plain.high))
    assert weighted.p == pytest.approx(plain.p, abs=0.006)
