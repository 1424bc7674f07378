import numpy as np
import pytest
from scipy import stats

from tests.findings.tables import cell, table
from tlbench.findings.leaderboards import leaderboard_table
from tlbench.findings.rule import Rule


def test_means_over_pairs_with_the_pairs_fixed_and_the_seeds_random():
    cells = table(cell(score=50.0, score_sd=2.0), cell(pair="b-a", score=70.0, score_sd=4.0, n_seeds=5))
    (row,) = leaderboard_table(cells, Rule()).to_dict("records")
    parts = np.array([4 / 3, 16 / 5]) / 4
    df = parts.sum() ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 4)
    assert row["mean"] == 60
    assert row["half"] == pytest.approx(stats.t.ppf(0.975, df) * parts.sum() ** 0.5)
    assert (row["n_pairs"], row["n_missing"], row["n_seeds"], row["pair_scores"]) == (2, 0, 3, [50, 70])


def test_one_pair_has_the_t_interval_over_its_seeds():
    (row,) = leaderboard_table(table(cell(score_sd=1.0)), Rule()).to_dict("records")
    assert row["half"] == pytest.approx(4.302653 / 3**0.5)


def test_a_method_that_lacks_a_pair_has_no_mean_and_no_rank():
    cells = table(
        cell(), cell(pair="b-a"), cell("mmd", score=70.0), cell("mmd", "b-a", score=50.0), cell("coral", score=99.0)
    )
    found = leaderboard_table(cells, Rule()).set_index("method")
    assert found["mean"].to_dict() == pytest.approx({"coral": np.nan, "dann": 60, "mmd": 60}, nan_ok=True)
    assert found["average_rank"].to_dict() == pytest.approx({"coral": np.nan, "dann": 1.5, "mmd": 1.5}, nan_ok=True)
    assert found["n_missing"].to_dict() == {"coral": 1, "dann": 0, "mmd": 0}


def test_one_seed_gives_no_interval_and_a_pair_twice_is_refused():
    assert np.isnan(leaderboard_table(table(cell(n_seeds=1, score_sd=np.nan)), Rule())["half"]).all()
    with pytest.raises(ValueError, match="duplicate"):
        leaderboard_table(table(cell(), cell()), Rule())
