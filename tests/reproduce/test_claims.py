import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tlbench.reproduce.claims import FAILS, HOLDS, MISSING, OPEN, judge_claims
from tlbench.reproduce.recipe import Claim


def runs(scores: dict[tuple[str, str], list[list[float]]]) -> pd.DataFrame:
    """(row, part) to a list of pairs, each a list of seeds."""
    return pd.DataFrame(
        [
            {"row": row, "part": part, "pair": f"a-{i}", "seed": seed, "score": score}
            for (row, part), pairs in scores.items()
            for i, seeds in enumerate(pairs)
            for seed, score in enumerate(seeds)
        ]
    )


def claim(kind: str, *parts: str) -> Claim:
    return Claim(text="so it is", page="1", kind=kind, row="m", over="o", parts=list(parts))


def test_above_is_the_mean_over_pairs_of_seed_means_with_students_interval():
    # differences of the pairs: 10, 4 (seeds 3 and 5), 7
    table = runs({("m", "p"): [[60], [43, 45], [57]], ("o", "p"): [[50], [40, 40], [50]]})
    (found,) = judge_claims(table, [claim("above", "p")], 0.05).itertuples()
    low, high = stats.ttest_1samp([10.0, 4.0, 7.0], 0).confidence_interval(0.95)
    assert (found.estimate, found.n) == (7.0, 3)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.verdict == OPEN  # 7 +- 7.45
    assert judge_claims(table, [claim("above", "p")], 0.1).loc[0, "verdict"] == HOLDS


def test_shrinks_compares_the_first_part_with_the_last_pair_by_pair():
    table = runs(
        {
            ("m", "1"): [[60], [70], [65]], ("o", "1"): [[50], [59], [56]],  # gains 10, 11, 9
            ("m", "3"): [[99], [99], [99]], ("o", "3"): [[0], [0], [0]],  # in between: not looked at
            ("m", "5"): [[61], [71], [66]], ("o", "5"): [[60], [70], [65]],  # 1, 1, 1
        }
    )  # fmt: skip
    (found,) = judge_claims(table, [claim("shrinks", "1", "3", "5")], 0.05).itertuples()
    assert (found.estimate, found.parts, found.verdict) == (pytest.approx(9.0), "1 to 3 to 5", HOLDS)
    assert judge_claims(table, [claim("shrinks", "5", "1")], 0.05).loc[0, "verdict"] == FAILS


def test_above_is_said_of_each_part_and_a_hole_stays_one():
    table = runs(
        {("m", "1"): [[60], [61]], ("o", "1"): [[50], [50]], ("m", "2"): [[1], [np.nan]], ("o", "2"): [[5], [5]]}
    )
    found = judge_claims(table, [claim("above", "1", "2")], 0.05)
    assert found["parts"].tolist() == ["1", "2"]
    assert found["verdict"].tolist() == [HOLDS, MISSING]
    assert np.isnan(found["estimate"][1])


def test_one_pair_with_one_seed_tells_nothing():
    table = runs({("m", "1"): [[60]], ("o", "1"): [[50]]})
    assert judge_claims(table, [claim("above", "1")], 0.05).loc[0, "verdict"] == MISSING


def test_of_one_pair_the_interval_is_over_its_seeds():
    table = runs(
        {
            ("m", "1"): [[60, 64, 62]], ("o", "1"): [[50, 60, 55]],  # gains 10, 4, 7
            ("m", "5"): [[61, 65, 63]], ("o", "5"): [[60, 65, 60]],  # 1, 0, 3
        }
    )  # fmt: skip
    found = judge_claims(table, [claim("above", "1"), claim("shrinks", "1", "5")], 0.05)
    for got, values in zip(found.itertuples(), ([10.0, 4.0, 7.0], [9.0, 4.0, 4.0]), strict=True):
        low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (got.estimate, got.low, got.high) == pytest.approx((np.mean(values), low, high))
        assert (got.n, got.over_what) == (3, "seeds")


def test_two_pairs_are_never_judged_over_seeds():
    table = runs({("m", "1"): [[60, 61], [70, 71]], ("o", "1"): [[50, 50], [50, 50]]})
    (got,) = judge_claims(table, [claim("above", "1")], 0.05).itertuples()
    assert (got.n, got.over_what) == (2, "pairs")


def test_parts_of_one_pair_each_are_judged_over_seeds_whatever_their_pairs_are_called():
    table = runs({("m", "1"): [[60, 61]], ("o", "1"): [[50, 53]], ("m", "2"): [[70, 75]], ("o", "2"): [[60, 60]]})
    table.loc[table["part"] == "2", "pair"] = "x-y"
    found = judge_claims(table, [claim("above", "1", "2")], 0.05)
    assert found["estimate"].tolist() == [9.0, 12.5]
    assert found["over_what"].tolist() == ["seeds", "seeds"]
