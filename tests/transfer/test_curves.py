import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.transfer.curves import Worth, labels_worth, labels_worth_interval

SHOTS = np.array([1.0, 2.0, 3.0, 5.0, 10.0])
CURVE = np.array([40.0, 50.0, 56.0, 60.0, 70.0])


def monotone_by_pooling(values: list[float]) -> list[float]:
    """Pool adjacent violators, block by block."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([value])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    return [float(np.mean(block)) for block in blocks for _ in block]


def height(shots: np.ndarray, curve: list[float], at: float) -> float:
    for k in range(1, len(shots)):
        if at <= shots[k]:
            part = (at - shots[k - 1]) / (shots[k] - shots[k - 1])
            return curve[k - 1] * (1 - part) + curve[k] * part
    raise AssertionError


@pytest.mark.parametrize(
    ("accuracy", "shots", "needed"),
    [(45, 0, 1.5), (50, 0, 2), (53, 1, 2.5), (58, 3, 4), (62, 1, 6), (40, 0, 1), (70, 10, 10)],
)
def test_the_curve_is_read_linearly(accuracy, shots, needed):
    assert labels_worth(SHOTS, CURVE, accuracy, shots) == Worth(needed, needed - shots, "")


def test_beyond_the_curve_its_end_is_named():
    above, below = labels_worth(SHOTS, CURVE, 70.1, 3), labels_worth(SHOTS, CURVE, 39.9, 3)
    assert (above, str(above)) == (Worth(10, 7, "above"), "more than 10")
    assert (below, str(below)) == (Worth(1, -2, "below"), "fewer than 1")
    assert str(labels_worth(SHOTS, CURVE, 51.5, 3)) == "2.2"
    assert str(labels_worth(np.array([1, 141.25]), np.array([40, 50]), 51, 0)) == "more than 141.2"


def test_the_reference_itself_is_worth_no_labels():
    for shots, accuracy in zip(SHOTS, CURVE, strict=True):
        assert labels_worth(SHOTS, CURVE, accuracy, shots).worth == pytest.approx(0)


def test_a_dip_is_levelled_and_the_fewest_shots_count():
    # 56 and 52 become 54, 54; 54 is reached at 3 shots first, 52 half-way between 2 and 3
    dip = np.array([40.0, 50.0, 56.0, 52.0, 70.0])
    assert labels_worth(SHOTS, dip, 54, 0).needed == 3
    assert labels_worth(SHOTS, dip, 52, 0).needed == 2.5
    assert labels_worth(SHOTS, dip, 62, 0).needed == 7.5
    assert labels_worth(SHOTS, np.full(5, 50.0), 50, 0) == Worth(1, 1, "")
    falling = labels_worth(SHOTS, CURVE[::-1], 70, 0)  # level at its mean, 55.2
    assert falling == Worth(10, 10, "above")


def test_rounding_lifts_no_score_off_the_curve():
    curve = np.array([0.1, 0.6])
    noisy = 0.1 + 0.2 + 0.3  # 0.6000000000000001
    assert noisy > 0.6
    assert labels_worth(SHOTS[:2], curve, noisy, 0).bound == ""
    assert labels_worth(SHOTS[:2], np.array([noisy, 0.9]), 0.6, 0) == Worth(1, 1, "")


@given(st.lists(st.integers(0, 100), min_size=5, max_size=5), st.integers(0, 100))
def test_the_curve_has_the_score_where_it_is_said_to_be_reached_and_not_before(values, accuracy):
    found = labels_worth(SHOTS, np.array(values, float), accuracy, 2)
    curve = monotone_by_pooling(values)
    if found.bound == "above":
        assert accuracy > curve[-1]
    elif found.bound == "below":
        assert accuracy < curve[0]
    else:
        assert height(SHOTS, curve, found.needed) == pytest.approx(accuracy, abs=1e-6)
        assert found.needed == 1 or height(SHOTS, curve, max(1.0, found.needed - 0.01)) < accuracy
    assert found.worth == pytest.approx(found.needed - 2)


@given(
    st.lists(st.integers(0, 100), min_size=5, max_size=5), st.integers(0, 100), st.floats(0.1, 10), st.floats(-50, 50)
)
def test_the_unit_of_the_score_does_not_matter(values, accuracy, scale, shift):
    curve = np.array(values, float)
    one = labels_worth(SHOTS, curve, accuracy, 2)
    other = labels_worth(SHOTS, curve * scale + shift, accuracy * scale + shift, 2)
    assert other.bound == one.bound
    assert other.needed == pytest.approx(one.needed, abs=1e-6)


def test_the_interval_is_that_of_all_resamples_of_seeds():
    # 2 seeds: drawn 00, 01, 10, 11 as likely, each with its own curve and score
    shots, curves = np.array([1.0, 5.0]), np.array([[40.0, 80.0], [50.0, 70.0]])
    scores = np.array([50.0, 65.0])
    both = 1 + 4 * 12.5 / 30  # mean curve 45 to 75, mean score 57.5
    by_hand = [2.0, both, both, 4.0]
    found = labels_worth_interval(shots, curves, scores, 1, alpha=0.1, rng=np.random.default_rng(0))
    assert found.estimate == Worth(pytest.approx(both), pytest.approx(both - 1))
    assert (found.low, found.high) == (Worth(2, 1), Worth(4, 3))
    middle = labels_worth_interval(shots, curves, scores, 1, alpha=0.6, rng=np.random.default_rng(0))
    low, high = np.quantile(by_hand, [0.3, 0.7], method="inverted_cdf")
    assert (middle.low.needed, middle.high.needed) == (pytest.approx(low), pytest.approx(high))
    assert found.n_seeds == 2


def test_an_end_of_the_interval_may_lie_beyond_the_curve():
    shots, curves = np.array([1.0, 5.0]), np.array([[40.0, 80.0]] * 2)
    found = labels_worth_interval(shots, curves, np.array([30.0, 90.0]), 2, alpha=0.1, rng=np.random.default_rng(0))
    assert (str(found.low), str(found.estimate), str(found.high)) == ("fewer than 1", "3", "more than 5")
    assert (found.low.worth, found.high.worth) == (-1, 3)


def test_the_interval_agrees_with_drawing_seed_by_seed():
    rng = np.random.default_rng(5)
    level = rng.normal(0, 3, 6)
    curves = CURVE + level[:, None] + rng.normal(0, 2, (6, 5))
    scores = 58 + level + rng.normal(0, 1, 6)
    found = labels_worth_interval(SHOTS, curves, scores, 1, alpha=0.2, rng=np.random.default_rng(0), resamples=4000)
    needed = []
    for _ in range(2000):
        drawn = [int(i) for i in rng.integers(6, size=6)]
        curve = np.mean([curves[i] for i in drawn], axis=0)
        needed.append(labels_worth(SHOTS, curve, float(np.mean([scores[i] for i in drawn])), 1).needed)
    low, high = np.quantile(needed, [0.1, 0.9])
    assert (found.low.needed, found.high.needed) == (pytest.approx(low, abs=0.15), pytest.approx(high, abs=0.15))
    # what the seeds share cancels: scores of shuffled seeds leave a wider interval
    apart = labels_worth_interval(SHOTS, curves, scores[::-1], 1, alpha=0.2, rng=np.random.default_rng(0))
    assert apart.high.needed - apart.low.needed > 1.2 * (found.high.needed - found.low.needed)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(3), 0
    for _ in range(100):
        curves = CURVE + rng.normal(0, 2, (20, 5))
        scores = 58 + rng.normal(0, 2, 20)
        found = labels_worth_interval(SHOTS, curves, scores, 1, alpha=0.1, rng=rng, resamples=150)
        covered += found.low.needed <= 4 <= found.high.needed
    assert 0.8 <= covered / 100 <= 0.96


def test_one_generator_gives_one_answer_and_the_order_of_seeds_does_not_matter():
    curves = CURVE + np.random.default_rng(1).normal(0, 3, (4, 5))
    scores = np.array([55.0, 57.0, 58.0, 61.0])
    answers = [
        labels_worth_interval(SHOTS, curves[o], scores[o], 1, alpha=0.1, rng=np.random.default_rng(0), resamples=20_000)
        for o in ([0, 1, 2, 3], [0, 1, 2, 3], [2, 0, 3, 1])
    ]
    assert answers[0] == answers[1]
    for one, other in itertools.pairwise(answers):
        assert one.low.needed == pytest.approx(other.low.needed, abs=0.3)
        assert one.high.needed == pytest.approx(other.high.needed, abs=0.3)


def test_one_seed_has_no_interval():
    found = labels_worth_interval(SHOTS, CURVE[None], np.array([58.0]), 3, alpha=0.05, rng=np.random.default_rng(0))
    assert (found.estimate, found.low, found.high, found.n_seeds) == (Worth(4, 1), None, None, 1)


@pytest.mark.parametrize(
    ("shots_K", "curve_K", "accuracy", "shots", "words"),
    [
        (SHOTS[:1], CURVE[:1], 50, 1, "two or more"), (SHOTS, CURVE[:4], 50, 1, "two or more"),
        (SHOTS[None], CURVE, 50, 1, "two or more"), (SHOTS, CURVE[None], 50, 1, "two or more"),
        (np.array([0.0, 1]), CURVE[:2], 50, 1, "above 0"), (np.array([1.0, 1]), CURVE[:2], 50, 1, "increase"),
        (np.array([2.0, 1]), CURVE[:2], 50, 1, "increase"), (np.array([1.0, np.inf]), CURVE[:2], 50, 1, "increase"),
        (SHOTS, CURVE, 50, -1, "0 or more"), (SHOTS, CURVE, 50, np.nan, "0 or more"),
        (SHOTS, np.array([1, 2, np.nan, 4, 5]), 50, 1, "must be a number"), (SHOTS, CURVE, np.nan, 1, "must be a number"),
    ],
)  # fmt: skip
def test_what_is_no_curve_is_refused(shots_K, curve_K, accuracy, shots, words):
    with pytest.raises(ValueError, match=words):
        labels_worth(shots_K, curve_K, accuracy, shots)


@pytest.mark.parametrize(
    ("curve_SK", "accuracy_S", "options", "words"),
    [
        (np.tile(CURVE, (3, 1)), np.ones(2), {}, "same seeds"), (np.ones((0, 5)), np.ones(0), {}, "same seeds"),
        (np.tile(CURVE, (3, 1)), np.ones((3, 1)), {}, "same seeds"), (CURVE, np.ones(1), {}, "two or more"),
        (np.tile(CURVE, (3, 1)), np.array([1, 2, np.nan]), {}, "must be a number"),
        (np.tile(CURVE, (3, 1)), np.ones(3), {"alpha": 0.0}, "alpha"),
        (np.tile(CURVE, (3, 1)), np.ones(3), {"alpha": 1.0}, "alpha"),
        (np.tile(CURVE, (3, 1)), np.ones(3), {"resamples": 0}, "resamples"),
    ],
)  # fmt: skip
def test_seeds_that_do_not_fit_are_refused(curve_SK, accuracy_S, options, words):
    with pytest.raises(ValueError, match=words):
        labels_worth_interval(
            SHOTS, curve_SK, accuracy_S, 1, **{"alpha": 0.05, "rng": np.random.default_rng(0), **options}
        )
