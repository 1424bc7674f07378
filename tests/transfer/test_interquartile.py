import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.transfer import interquartile as module
from tlbench.transfer.interquartile import interquartile_mean


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def middle(values: list[float]) -> float:
    cut = len(values) // 4
    kept = sorted(values)[cut : len(values) - cut]
    return math.fsum(kept) / len(kept)


def test_the_middle_half_by_hand():
    # sorted 0 10 20 30 40 50 60 900: the two least and the two greatest fall
    scores = np.array([[0.0, 900.0], [60.0, 10.0], [20.0, 50.0], [40.0, 30.0]])
    assert interquartile_mean(scores, alpha=0.05, rng=rng()).estimate == 35
    # seven values: a quarter, rounded down, is one at either end
    ragged = [np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 60.0, 700.0])]
    assert interquartile_mean(ragged, alpha=0.05, rng=rng()).estimate == pytest.approx((2 + 3 + 4 + 5 + 60) / 5)


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=6), min_size=1, max_size=6))
def test_the_estimate_agrees_with_sorting(pairs):
    found = interquartile_mean([np.array(x) for x in pairs], alpha=0.05, rng=rng(), resamples=2)
    assert found.estimate == pytest.approx(middle([x for pair in pairs for x in pair]))


def test_the_interval_is_that_of_all_resamples_within_pairs():
    # 2 seeds on 2 pairs: 16 resamples, all as likely; the ends are the quantiles of their interquartile means
    scores = np.array([[10.0, 50.0], [14.0, 82.0]])
    means = [
        middle([*a, *b])
        for a in itertools.product(scores[:, 0], repeat=2)
        for b in itertools.product(scores[:, 1], repeat=2)
    ]
    found = interquartile_mean(scores, alpha=0.2, rng=rng(), resamples=4000)
    low, high = np.quantile(means, [0.1, 0.9], method="inverted_cdf")
    assert (found.low, found.high) == (low, high)
    assert len({*means}) == 4  # seeds of one pair never stand in for those of another: that would give more


def test_seeds_are_drawn_within_each_pair_and_pairs_apart():
    level = interquartile_mean(np.array([[10.0, 30.0, 50.0, 70.0]] * 5), alpha=0.05, rng=rng())
    assert (level.estimate, level.low, level.high) == (40, 40, 40)  # no seed differs: nothing new could be seen
    # each seed is +1 or -1 on all pairs; drawn together the interval would be as wide as that of one pair
    together = np.tile(np.linspace(-1, 1, 10)[:, None], 50)
    one, many = (interquartile_mean(x, alpha=0.05, rng=rng()) for x in (together[:, :1], together))
    assert (many.high - many.low) / (one.high - one.low) == pytest.approx(1 / np.sqrt(50), rel=0.3)


def coverage(pairs: int, seeds: int, alpha: float, trials: int = 300) -> float:
    """How often the interval covers the middle of a symmetric law."""
    draws, covered = rng(1), 0
    shift = np.linspace(-5, 5, pairs)
    for _ in range(trials):
        found = interquartile_mean(
            60 + shift + draws.normal(size=(seeds, pairs)), alpha=alpha, rng=draws, resamples=300
        )
        covered += found.low <= 60 <= found.high
    return covered / trials


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # the bootstrap's variance is (S - 1) / S of the right one: of 10 seeds, 90 % become about 88 %
    assert 0.82 <= coverage(6, 10, 0.1) <= 0.94
    assert 0.42 <= coverage(6, 10, 0.5) <= 0.58


def test_with_three_seeds_the_interval_is_too_narrow_as_documented():
    assert 0.7 <= coverage(6, 3, 0.1) <= 0.87  # sqrt(2 / 3) * 1.645 sd leave 82 %


def test_pairs_in_another_order_give_the_same_estimate_and_nearly_the_same_interval():
    scores = 60 + rng(2).normal(size=(5, 6)) * np.arange(1, 7)
    one = interquartile_mean(scores, alpha=0.1, rng=rng())
    other = interquartile_mean(scores[::-1, ::-1], alpha=0.1, rng=rng())
    assert one.estimate == pytest.approx(other.estimate)
    width = one.high - one.low
    assert (one.low, one.high) == (
        pytest.approx(other.low, abs=0.1 * width),
        pytest.approx(other.high, abs=0.1 * width),
    )


def test_an_array_and_its_columns_are_one_thing_and_one_generator_one_answer():
    scores = 60 + rng(2).normal(size=(5, 6))
    one = interquartile_mean(scores, alpha=0.1, rng=rng())
    assert one == interquartile_mean(list(scores.T), alpha=0.1, rng=rng())
    assert one != interquartile_mean(scores, alpha=0.1, rng=rng(1))
    assert one.low < one.estimate < one.high


def test_resamples_that_do_not_fit_come_in_turns(monkeypatch):
    scores = 60 + rng(2).normal(size=(5, 6))
    whole = interquartile_mean(scores, alpha=0.1, rng=rng())
    made = []
    monkeypatch.setattr(module, "AT_ONCE", 30 * 700)
    monkeypatch.setattr(module, "_resample", lambda pairs, r, n: made.append(n) or ORIGINAL(pairs, r, n))
    turns = interquartile_mean(scores, alpha=0.1, rng=rng())
    assert made == [700, 700, 600]
    assert (turns.low, turns.high) == pytest.approx((whole.low, whole.high), abs=0.05)


ORIGINAL = module._resample


def test_single_seeds_leave_an_estimate_without_interval():
    single = [np.array([1.0, 2.0]), np.array([3.0])]
    found = interquartile_mean(single, alpha=0.05, rng=rng())
    assert found.estimate == 2
    assert np.isnan([found.low, found.high]).all()


GOOD = np.ones((3, 2))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (np.ones(3), "shape"), ([], "Each of one or more pairs"), (np.ones((3, 0)), "Each of one or more pairs"),
        ([np.ones(2), np.ones(0)], "Each of one or more pairs"), ([np.ones((2, 2))], "Each of one or more pairs"),
        ([np.ones(2), np.array([1.0, np.nan])], r"pairs number \[1\]"), ([np.array([np.inf, 1.0])], r"pairs number \[0\]"),
    ],
)  # fmt: skip
def test_scores_that_are_none_are_refused(scores, words):
    with pytest.raises(ValueError, match=words):
        interquartile_mean(scores, alpha=0.05, rng=rng())


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.0}, {"alpha": 0.05, "resamples": 0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="alpha"):
        interquartile_mean(GOOD, rng=rng(), **options)
