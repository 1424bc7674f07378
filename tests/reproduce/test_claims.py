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


def test_one_pair_tells_nothing():
    table = runs({("m", "1"): [[60]], ("o", "1"): [[50]]})
    assert judge_claims(table, [claim("above", "1")], 0.05).loc[0, "verdict"] == MISSING
