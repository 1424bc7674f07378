import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.transfer import interquartile as module
from tlbench.transfer.interquartile import interquartile_mean, probability_of_improvement


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
    double = [np.array([1.0, 2.0])] * 2
    for x, y in ((single, double), (double, single)):
        better = probability_of_improvement(x, y, alpha=0.05, rng=rng())
        assert np.isfinite(better.estimate)
        assert np.isnan([better.low, better.high, found.low, found.high]).all()


def chance_by_counting(x: list[np.ndarray], y: list[np.ndarray]) -> float:
    total = 0.0
    for a, b in zip(x, y, strict=True):
        total += sum((p > q) + (p == q) / 2 for p in a for q in b) / (len(a) * len(b))
    return total / len(x)


def test_the_probability_of_improvement_by_hand():
    # pair 1: 3 beats 1 and 2, 2 beats 1 and draws with 2: 3.5 of 4; pair 2: 0 of 3
    x, y = [np.array([2.0, 3.0]), np.array([0.0])], [np.array([1.0, 2.0]), np.array([5.0, 6.0, 7.0])]
    assert probability_of_improvement(x, y, alpha=0.05, rng=rng()).estimate == pytest.approx((3.5 / 4 + 0) / 2)


SCORES = st.lists(st.integers(0, 4), min_size=1, max_size=5)


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=5))
def test_the_probability_of_improvement_agrees_with_counting_and_its_opposite_makes_one(pairs):
    x, y = ([np.array(side, float) for side in sides] for sides in zip(*pairs, strict=True))
    one = probability_of_improvement(x, y, alpha=0.05, rng=rng(), resamples=2)
    other = probability_of_improvement(y, x, alpha=0.05, rng=rng(), resamples=2)
    assert one.estimate == pytest.approx(chance_by_counting(x, y))
    assert one.estimate + other.estimate == pytest.approx(1)


def test_its_interval_agrees_with_a_bootstrap_run_by_run():
    x, y = 60 + rng(3).normal(size=(6, 3)), 60.5 + rng(4).normal(size=(4, 3))
    found = probability_of_improvement(x, y, alpha=0.1, rng=rng(), resamples=20_000)
    draws, chances = rng(9), []
    for _ in range(1500):
        a = [draws.choice(column, 6) for column in x.T]
        b = [draws.choice(column, 4) for column in y.T]
        chances.append(chance_by_counting(a, b))
    low, high = np.quantile(chances, [0.05, 0.95])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.03), pytest.approx(high, abs=0.03))
    assert found.low < found.estimate < found.high


def test_its_interval_covers_the_truth_about_as_often_as_it_says():
    draws, covered = rng(1), 0
    truth = 0.5 * (1 + math.erf(0.5 / math.sqrt(2) / math.sqrt(2)))  # P(N(0.5, 2) > 0)
    for _ in range(300):
        x, y = draws.normal(0.5, 1, (10, 4)), draws.normal(0, 1, (10, 4))
        found = probability_of_improvement(x, y, alpha=0.1, rng=draws, resamples=300)
        covered += found.low <= truth <= found.high
    assert 0.82 <= covered / 300 <= 0.94


def test_a_method_that_always_wins_is_sure_to_improve():
    found = probability_of_improvement(np.full((3, 2), 2.0), np.full((4, 2), 1.0), alpha=0.05, rng=rng())
    assert (found.estimate, found.low, found.high) == (1, 1, 1)


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
    with pytest.raises(ValueError, match=words):
        probability_of_improvement(GOOD, scores, alpha=0.05, rng=rng())


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.0}, {"alpha": 0.05, "resamples": 0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="alpha"):
        interquartile_mean(GOOD, rng=rng(), **options)
    with pytest.raises(ValueError, match="alpha"):
        probability_of_improvement(GOOD, GOOD, rng=rng(), **options)


def test_methods_on_different_pairs_are_refused():
    with pytest.raises(ValueError, match="2 and 3 pairs"):
        probability_of_improvement(GOOD, np.ones((3, 3)), alpha=0.05, rng=rng())
