import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tlbench.transfer.ranks import critical_difference, friedman, rank_methods

# Demsar (2006), table 6: AUC of C4.5 with m and cf tuned or not, on 14 data sets. For the row `voting` the paper's ranks
# tell the equal 0.975 apart, by digits that it does not print.
DEMSAR = pd.DataFrame(
    [
        (0.763, 0.768, 0.771, 0.798), (0.599, 0.591, 0.590, 0.569), (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657), (0.882, 0.888, 0.886, 0.898), (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685), (0.583, 0.583, 0.563, 0.625), (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000), (0.940, 0.962, 0.965, 0.962), (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.9751, 0.975), (0.957, 0.978, 0.946, 0.970),
    ],
    columns=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
)  # fmt: skip


def table(n: int, k: int, seed: int = 0, step: float = 0.0) -> pd.DataFrame:
    scores = np.random.default_rng(seed).normal(60, 3, (n, k)) + step * np.arange(k)
    return pd.DataFrame(scores, columns=[f"m{j}" for j in range(k)], index=[f"pair {i}" for i in range(n)])


def average_ranks_by_counting(scores: pd.DataFrame) -> dict[str, float]:
    """1 + how many are better + half of how many others are equal."""
    totals = dict.fromkeys(scores.columns, 0.0)
    for _, row in scores.iterrows():
        for one in scores.columns:
            better = sum(row[other] > row[one] for other in scores.columns)
            equal = sum(row[other] == row[one] for other in scores.columns) - 1
            totals[one] += 1 + better + equal / 2
    return {method: total / len(scores) for method, total in totals.items()}


def test_the_worked_example_of_demsar():
    found = rank_methods(DEMSAR, alpha=0.05)
    assert found.average_rank.round(3).to_dict() == {"C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert list(found.average_rank.index) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert (found.chi2, found.f) == (pytest.approx(9.28, abs=0.005), pytest.approx(3.69, abs=0.005))
    assert found.p == pytest.approx(stats.f.sf(found.f, 3, 39))
    assert (found.test, found.n_pairs, found.n_methods, found.alpha) == ("friedman", 14, 4, 0.05)
    assert found.posthoc_allowed
    assert not rank_methods(DEMSAR, alpha=0.01).posthoc_allowed  # p = 0.02
    # the paper: the critical difference is 1.25 at .05 and 1.12 at .10; at .10 C4.5 differs from the two tuned by m
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert rank_methods(DEMSAR, alpha=0.1).critical_difference == pytest.approx(1.12, abs=0.005)
    assert (found.pairwise_p.to_numpy() > 0.05).all()
    assert (found.pairwise_p.loc["C4.5"] < 0.1).to_dict() == {
        "C4.5+m+cf": True, "C4.5+m": True, "C4.5+cf": False, "C4.5": False,
    }  # fmt: skip


@pytest.mark.parametrize(("k", "q_05", "q_10"), [(3, 2.343, 2.052), (5, 2.728, 2.459), (10, 3.164, 2.920)])
def test_the_critical_values_are_those_of_demsars_table_5(k, q_05, q_10):
    for alpha, q in ((0.05, q_05), (0.1, q_10)):
        assert critical_difference(20, k, alpha) == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * 20)), rel=3e-4)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=5, max_size=8))
def test_average_ranks_with_ties_agree_with_counting(rows):
    scores = pd.DataFrame(rows, columns=list("dbca")) * 1.0
    found = rank_methods(scores, alpha=0.05).average_rank
    assert found.to_dict() == pytest.approx(average_ranks_by_counting(scores))
    assert [(rank, name) for name, rank in found.items()] == sorted((rank, name) for name, rank in found.items())


def test_the_statistics_agree_with_scipy_where_there_are_no_ties():
    scores = table(9, 5, step=1.0)
    found = rank_methods(scores, alpha=0.05)
    want = stats.friedmanchisquare(*scores.to_numpy().T).statistic
    assert found.chi2 == pytest.approx(want)
    assert found.f == pytest.approx(8 * want / (9 * 4 - want))


def test_the_p_value_is_about_that_of_rankings_at_random():
    rng = np.random.default_rng(0)
    spread = np.array([
        ((np.mean([rng.permutation(4) for _ in range(12)], axis=0) - 1.5) ** 2).sum() for _ in range(2000)
    ])  # fmt: skip
    for level in (0.3, 0.1, 0.03):
        least = np.quantile(spread, 1 - level)
        ranks = 2.5 + np.array([-1, -1, 1, 1]) * np.sqrt(least / 4)
        assert friedman(ranks, 12)[2] == pytest.approx(level, rel=0.25)


def test_nemenyis_p_values_are_those_of_the_studentised_range():
    found = rank_methods(table(8, 4, step=1.0), alpha=0.05)
    ranks, names = found.average_rank, list(found.average_rank.index)
    assert list(found.pairwise_p.index) == list(found.pairwise_p.columns) == names
    for one, other in itertools.product(names, names):
        q = abs(ranks[one] - ranks[other]) / np.sqrt(4 * 5 / (12 * 8))
        want = 1.0 if one == other else stats.studentized_range.sf(q, 4, np.inf)
        assert found.pairwise_p.loc[one, other] == pytest.approx(want)


def test_a_difference_is_critical_when_its_p_value_is_below_alpha():
    for seed in range(5):
        found = rank_methods(table(10, 6, seed, step=1.0), alpha=0.1)
        ranks = found.average_rank.to_numpy()
        beyond = np.abs(ranks[:, None] - ranks) > found.critical_difference
        assert (beyond == (found.pairwise_p.to_numpy() < 0.1)).all()


@pytest.mark.parametrize(
    ("n", "k"), [(5, 3), (6, 11), (25, 11)]
)  # rounding leaves a little above or below chi2's greatest
def test_pairs_that_all_rank_alike_leave_the_chance_of_that(n, k):
    scores = pd.DataFrame(np.tile(np.arange(k, 0.0, -1), (n, 1)), columns=[f"m{j}" for j in range(k)])
    found = rank_methods(scores, alpha=0.05)
    assert (found.chi2, found.f) == (pytest.approx(n * (k - 1)), np.inf)
    assert found.p == pytest.approx(1 / math.factorial(k) ** (n - 1))


def test_methods_that_are_equal_everywhere_do_not_differ():
    scores = pd.DataFrame(np.full((6, 3), 70.0), columns=list("abc"))
    found = rank_methods(scores, alpha=0.05)
    assert (found.chi2, found.f, found.p, found.posthoc_allowed) == (0, 0, 1, False)
    assert found.average_rank.to_dict() == {"a": 2, "b": 2, "c": 2}
    two = rank_methods(scores[["a", "b"]], alpha=0.05)
    assert (two.test, two.p, two.posthoc_allowed) == ("wilcoxon", 1, False)


def test_sums_in_another_order_are_ties():
    # (0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)
    scores = pd.DataFrame({"a": [0.1 + 0.2 + 0.3] * 5, "b": [0.1 + (0.2 + 0.3)] * 5, "c": [0.0] * 5})
    assert scores["a"][0] != scores["b"][0]
    assert rank_methods(scores, alpha=0.05).average_rank.to_dict() == {"a": 1.5, "b": 1.5, "c": 3}


@pytest.mark.parametrize("k", [2, 3, 6])
def test_the_order_of_rows_and_columns_changes_nothing(k):
    scores = table(7, k, step=0.5).round(0)
    one = rank_methods(scores, alpha=0.05)
    rng = np.random.default_rng(1)
    other = rank_methods(scores.iloc[rng.permutation(7), rng.permutation(k)], alpha=0.05)
    pd.testing.assert_series_equal(one.average_rank, other.average_rank)
    pd.testing.assert_frame_equal(one.pairwise_p, other.pairwise_p)
    assert (one.p, one.posthoc_allowed) == (pytest.approx(other.p), other.posthoc_allowed)


@given(st.floats(0.5, 20), st.lists(st.floats(-20, 20), min_size=6, max_size=6))
def test_only_the_order_within_a_pair_counts(scale, shifts):
    scores = table(6, 4)
    moved = (scores * scale).add(shifts, axis=0)
    pd.testing.assert_frame_equal(
        rank_methods(scores, alpha=0.05).pairwise_p, rank_methods(moved, alpha=0.05).pairwise_p
    )


def test_two_methods_are_compared_by_wilcoxons_signed_ranks():
    # differences 1..6, the least one negative: of 2^6 sign patterns 2 * 2 are as far out
    difference = np.array([-1, 2, 3, 4, 5, 6])
    scores = pd.DataFrame({"worse": np.full(6, 50.0), "better": 50.0 + difference})
    found = rank_methods(scores, alpha=0.07)
    assert (found.test, found.p, found.posthoc_allowed) == ("wilcoxon", pytest.approx(4 / 2**6), True)
    assert not rank_methods(scores, alpha=4 / 2**6).posthoc_allowed  # strictly below
    assert np.isnan([found.chi2, found.f, found.critical_difference]).all()
    assert found.pairwise_p.to_numpy() == pytest.approx(np.array([[1, 4 / 64], [4 / 64, 1]]))
    assert found.average_rank.to_dict() == pytest.approx({"better": 7 / 6, "worse": 11 / 6})


def test_equal_scores_of_two_methods_count_half_for_either():
    scores = pd.DataFrame({"a": [1.0] * 7 + [2, 3, 4, 5, 6, 7, 8, 9], "b": [1.0] * 15})
    p = {
        way: stats.wilcoxon(scores["a"] - scores["b"], zero_method=way).pvalue for way in ("zsplit", "wilcox", "pratt")
    }
    assert rank_methods(scores, alpha=0.05).p == pytest.approx(p["zsplit"])
    assert 1.2 * p["pratt"] < p["zsplit"] < p["wilcox"] / 1.2


def test_wilcoxon_takes_sums_in_another_order_as_equal():
    exact = pd.DataFrame({"a": [0.6] * 4 + [2.0, 3, 4], "b": [0.6] * 4 + [1.0, 1, 1]})
    noisy = exact.assign(b=[0.1 + 0.2 + 0.3] * 4 + [1.0, 1, 1])
    assert (noisy["b"][:4] != exact["b"][:4]).all()
    assert rank_methods(noisy, alpha=0.05).p == rank_methods(exact, alpha=0.05).p


def test_wilcoxon_takes_differences_that_rounding_tells_apart_as_equal():
    a = pd.Series([0.3, 0.8, 1.1, -0.3, 0.6, 5.0])
    b = pd.Series([0.2, 0.7, 1.0, -0.2, 0.7, 3.0])  # all but the last differ by 0.1
    even = rank_methods(pd.DataFrame({"a": [1.0, 1, 1, -1, -1, 20], "b": [0.0] * 6}), alpha=0.05)
    assert rank_methods(pd.DataFrame({"a": a, "b": b}), alpha=0.05).p == even.p


@pytest.mark.parametrize(
    ("n", "k", "words"),
    [(4, 3, "4 pairs are too few"), (1, 2, "1 pair are too few"), (9, 1, "1 method"), (9, 0, "No method"), (0, 3, "0 pairs")],
)  # fmt: skip
def test_too_little_leaves_average_ranks_and_words(n, k, words):
    found = rank_methods(table(n, k), alpha=0.05)
    assert words in found.why
    assert (found.test, found.posthoc_allowed, found.pairwise_p) == ("", False, None)
    assert np.isnan([found.chi2, found.f, found.p, found.critical_difference]).all()
    assert len(found.average_rank) == k
    if n:
        assert found.average_rank.to_dict() == pytest.approx(average_ranks_by_counting(table(n, k)))


@pytest.mark.parametrize("k", [2, 3])
def test_five_pairs_are_enough(k):
    found = rank_methods(table(5, k), alpha=0.05)
    assert found.why == ""
    assert 0 < found.p <= 1


def test_every_hole_is_named():
    scores = table(5, 3)
    scores.index = pd.MultiIndex.from_tuples([("office31", f"A-{i}") for i in "BCDEF"])
    scores.iloc[1, 2] = np.nan
    scores.iloc[4, 0] = np.inf
    with pytest.raises(ValueError, match=r"lacking office31 A-C: m2, office31 A-F: m0\."):
        rank_methods(scores, alpha=0.05)


def test_a_hole_of_a_nullable_column_is_one():
    scores = table(5, 3).astype("Float64")
    assert rank_methods(scores, alpha=0.05).n_pairs == 5
    scores.iloc[1, 2] = pd.NA
    with pytest.raises(ValueError, match="pair 1: m2"):
        rank_methods(scores, alpha=0.05)


def test_a_pair_or_a_method_given_twice_is_refused():
    scores = table(5, 3)
    with pytest.raises(ValueError, match=r"Each pair .* twice: pair 2\."):
        rank_methods(scores.rename(index={"pair 3": "pair 2"}), alpha=0.05)
    with pytest.raises(ValueError, match=r"Each method .* twice: m0\."):
        rank_methods(scores.rename(columns={"m1": "m0"}), alpha=0.05)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_a_level_that_is_none_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        rank_methods(table(5, 3), alpha=alpha)


def test_the_test_rejects_about_as_often_as_it_says_where_nothing_differs():
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(1000):
        ranks = np.argsort(rng.random((12, 5)), axis=1).mean(axis=0) + 1
        rejected += friedman(ranks, 12)[2] < 0.1
    assert 70 <= rejected <= 130  # 100 expected, sd 9.5
