from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tlbench.transfer.crossed_gain import Crossed, cell_flag, corrected, crossed, half_width, p_above, spread


def uniform(difference):
    return crossed(np.asarray(difference, float), np.ones(np.shape(difference)))


def anova(y):
    """Variance of examples by mean squares, in squared points: an independent way to the same number."""
    seeds, n = y.shape
    mean, by_seed, by_unit = y.mean(), y.mean(axis=1), y.mean(axis=0)
    rest = sum((y[s, u] - by_seed[s] - by_unit[u] + mean) ** 2 for s in range(seeds) for u in range(n))
    between = seeds * sum((m - mean) ** 2 for m in by_unit)
    return 1e4 * (between / (n - 1) - rest / ((seeds - 1) * (n - 1))) / (seeds * n)


def test_spread_divides_by_n_minus_one():
    s = spread([50, 70, 90], alpha=0.05)
    assert (s.mean, s.sd) == (70, 20)  # 16.3 if divided by n
    assert s.half == pytest.approx(4.302653 * 20 / 3**0.5, rel=1e-6)


def test_spread_of_one_or_no_value_claims_no_spread():
    one, none = spread([5.0], 0.05), spread([], 0.05)
    assert one.mean == 5.0
    assert np.isnan([one.sd, one.half, none.mean, none.sd, none.half]).all()


def test_a_crossed_cell_by_hand():
    # gains of the seeds 50 and 0 points, over 4 examples: mean 25, variance 1250, rounding (100 / 4)^2 / 12
    # example means 1/2, 1/2, 0, 0; seed 1 has rows 1, 0, 0, 1 minus .5, seed 2 has 0, 1, 0, -1 minus 0
    # covariance of the rows: (.5*0 - .5*1 - .5*0 + .5*-1) / 3 = -1/3, below 0: no variance of examples
    found = uniform([[1, 0, 0, 1], [0, 1, 0, -1]])
    assert (found.gain, found.n_seeds, found.n_units) == (25, 2, 4)
    assert found.seed_var == pytest.approx((1250 + 625 / 12) / 2)
    assert found.unit_var == 0
    # two seeds that agree on two examples of four: covariance of (1, -1, 0, 0) with itself 2/3, over 4 examples
    found = uniform([[1, -1, 0, 0], [1, -1, 0, 0]])
    assert (found.gain, found.seed_var) == (0, 0)
    assert found.unit_var == pytest.approx(1e4 * (2 / 3) / 4)


@given(st.integers(2, 5), st.integers(3, 12), st.integers(0, 2**32 - 1))
def test_the_variance_of_examples_is_that_of_the_analysis_of_variance(seeds, n, seed):
    rng = np.random.default_rng(seed)
    y = np.sign(rng.normal(0, 1, (1, n)) + rng.normal(0, 1, (seeds, n))) * (rng.random((seeds, n)) < 0.7)
    found = uniform(y)
    assert found.unit_var == pytest.approx(max(0, anova(y)), abs=1e-9)
    assert found.gain == pytest.approx(100 * y.mean(), abs=1e-9)
    if not (y == y[0]).all():
        assert found.seed_var == pytest.approx((100**2 * y.mean(axis=1).var(ddof=1) + (100 / n) ** 2 / 12) / seeds)


@given(st.integers(0, 2**32 - 1))
def test_neither_the_order_of_seeds_nor_that_of_examples_matters_and_exchange_changes_the_sign(seed):
    rng = np.random.default_rng(seed)
    y, weight = rng.integers(-1, 2, (4, 9)).astype(float), rng.random((4, 9)) + 0.1
    rows, columns = rng.permutation(4), rng.permutation(9)
    one, two = crossed(y * weight, weight), crossed((y * weight)[rows][:, columns], weight[rows][:, columns])
    assert np.allclose(
        (one.gain, one.seed_var, one.unit_var), (two.gain, two.seed_var, two.unit_var), rtol=1e-9, atol=1e-9
    )
    back = crossed(-y * weight, weight)
    assert (back.gain, back.seed_var, back.unit_var) == pytest.approx((-one.gain, one.seed_var, one.unit_var))


def test_seeds_that_are_tested_on_different_examples_share_no_chance():
    y = np.array([[1.0, 1, -1, 0, 0, 0], [0, 0, 0, 1, 0, 1]])
    seen = np.array([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    found = crossed(y, seen)
    assert (found.gain, found.unit_var, found.n_units) == (pytest.approx(50), 0, 3)
    assert found.seed_var > 0


def test_a_unit_counts_by_its_weight():
    # one group of three examples won, one of a single example lost: (3 - 1) / 4
    assert crossed(np.array([[3.0, -1.0]]), np.array([[3.0, 1.0]])).gain == pytest.approx(50)


def test_equal_gains_of_seeds_that_differ_on_examples_are_a_coincidence():
    found = uniform([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    assert found.gain == 25
    assert found.seed_var == pytest.approx((100 / 4) ** 2 / 12 / 3)
    assert p_above([found], np.array([25.0]))[0] > 0.01


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.array([[1.0, 1.0], [0.0, 0.0]])])
def test_impossible_weights_are_refused(wrong):
    with pytest.raises(ValueError, match="crossed needs"):
        crossed(np.zeros((2, 2)), wrong)


def cell(seed_var, unit_var, n_seeds=3, n_units=200.0, gain=0.0):
    return Crossed(gain, seed_var, unit_var, n_seeds, n_units)


def test_with_one_part_only_the_test_is_a_t_test():
    x = np.array([1.0, 2.0, 4.5])
    by_seeds = cell(x.var(ddof=1) / 3, 0.0)
    assert 2 * p_above([by_seeds], np.array([x.mean()]))[0] == pytest.approx(stats.ttest_1samp(x, 0).pvalue, rel=1e-9)
    assert half_width([by_seeds], 0.05)[0] == pytest.approx(stats.t.ppf(0.975, 2) * x.std(ddof=1) / 3**0.5)
    by_units = cell(0.0, 4.0)
    assert p_above([by_units], np.array([5.0]))[0] == pytest.approx(stats.t.sf(2.5, 199), rel=1e-9)


def test_with_two_parts_the_quantile_is_their_weighted_mean():
    # parts 9 and 16 of 25: half = (9 t_2 + 16 t_199) / 25 * 5
    t2, t199 = stats.t.ppf(0.975, 2), stats.t.ppf(0.975, 199)
    assert half_width([cell(9.0, 16.0)], 0.05)[0] == pytest.approx((9 * t2 + 16 * t199) / 5)


@given(st.floats(0.01, 50), st.floats(0, 50), st.integers(3, 10), st.floats(0.0005, 0.4))
def test_interval_and_p_value_say_the_same(seed_var, unit_var, n_seeds, alpha):
    one = cell(seed_var, unit_var, n_seeds)
    assert 2 * p_above([one], half_width([one], alpha))[0] == pytest.approx(alpha, rel=1e-6)


def test_no_deviation_no_spread_and_few_seeds():
    assert p_above([cell(1.0, 1.0)], np.array([0.0]))[0] == 0.5
    assert p_above([cell(0.0, 0.0)], np.array([0.0]))[0] == 0.5
    assert p_above([cell(0.0, 0.0)], np.array([1.0]))[0] == 0
    assert np.isnan(p_above([cell(1.0, 1.0, n_seeds=2)], np.array([9.0]))[0])
    assert np.isnan(half_width([uniform([[1, 0, 1]])], 0.05)[0])
    assert len(p_above([], np.array([]))) == 0


def test_corrections_by_hand_and_blind_to_what_is_no_number():
    # sorted .01 .02 .04: Holm times 3 2 1, then made monotone; Benjamini-Hochberg times 3/1 3/2 3/3, then made monotone
    assert corrected([0.04, 0.01, 0.02], "holm") == pytest.approx([0.04, 0.03, 0.04])
    assert corrected([0.04, 0.01, 0.02], "bh") == pytest.approx([0.04, 0.03, 0.03])
    got = corrected([0.04, np.nan, 0.01], "holm")
    assert got[[0, 2]] == pytest.approx([0.04, 0.02])
    assert np.isnan(got[1])
    assert np.isnan(corrected([np.nan], "bh")).all()
    with pytest.raises(ValueError, match="Unknown correction 'fdr_bh'"):
        corrected([0.1], "fdr_bh")


@given(st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.5, 1.0])), min_size=1, max_size=12))
def test_corrections_agree_with_statsmodels(p):
    with mock.patch(
        "gc.collect"
    ):  # statsmodels sweeps Python's garbage at each call: half a second each among many tests
        for ours, theirs in (("holm", "holm"), ("bh", "fdr_bh")):
            assert corrected(p, ours) == pytest.approx(multipletests(p, method=theirs)[1])


@pytest.mark.parametrize(
    ("gain", "p", "p_small", "n", "want"),
    [(-9.0, 0.001, 1.0, 2, "few_seeds"), (-9.0, 0.001, 1.0, 3, "negative"), (9.0, 0.001, 1.0, 3, "positive"),
     (-9.0, 0.06, 1.0, 3, "inconclusive"), (-0.2, 0.3, 0.04, 3, "no_effect"), (-0.2, 0.3, 0.06, 3, "inconclusive"),
     (-0.2, 0.01, 0.01, 3, "negative"), (0.0, float("nan"), float("nan"), 2, "few_seeds")],
)  # fmt: skip
def test_flags(gain, p, p_small, n, want):
    assert cell_flag(gain, p, p_small, n, 0.05) == want


def test_degrees_of_freedom_of_the_examples_share_are_satterthwaites():
    """Against the mean squares of a two-way table, and at both ends of the range."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=(4, 30)) + 2 * rng.normal(size=30)
    centred = 100 / 30 * (y - y.mean(axis=1, keepdims=True))
    between = 4 * (centred.mean(axis=0) ** 2).sum() / 29
    rest = ((centred - centred.mean(axis=0)) ** 2).sum() / (29 * 3)
    want = (between - rest) ** 2 / (between**2 / 29 + rest**2 / (29 * 3))
    assert uniform(y).unit_df == pytest.approx(want)
    assert uniform(np.tile(y[:1], (4, 1))).unit_df == 29  # no seed changes anything
    assert uniform([[1.0, 0, 0, 1], [0, 1.0, 1, 0], [1, 0, 1, 0.0]]).unit_df == 1  # less between units than noise
