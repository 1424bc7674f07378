import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.findings.tables import cells_of, run, table
from tlbench.findings.selections import selection_table


def checkpoints(key, oracle, **scores):
    return [{"run_key": key, "step": 10 * (i + 1), "oracle_score": o, **{n: v[i] for n, v in scores.items()}}
            for i, o in enumerate(oracle)]  # fmt: skip


def rules_of(score, oracle, *args, **changes):
    """A run under `dev` and under ORACLE."""
    return [
        run(*args, score=score, selection="dev", **changes),
        run(*args, score=oracle, selection="oracle", **changes),
    ]


def made(runs, looked, **changes):
    return selection_table(runs, looked, cells_of(runs, **changes))


def one(found, rule="dev", method="dann"):
    (row,) = found[(found["rule"] == rule) & (found["method"] == method)].to_dict("records")
    return row


TRUTH, DEV = [0.2, 0.5, 0.4, 0.9], [-3.0, -2.0, -4.0, -1.0]
RHO = spearmanr(TRUTH, DEV).statistic
NONE = pd.DataFrame(columns=["run_key", "step", "oracle_score"])


def test_the_gap_is_what_a_rule_loses_to_oracle():
    scores = [("a-b", 0, 0.5, 0.6), ("a-b", 1, 0.7, 0.7), ("b-a", 0, 0.2, 0.5), ("b-a", 1, 0.3, 0.4)]
    runs = [r for pair, seed, score, oracle in scores for r in rules_of(score, oracle, "dann", pair, seed)]
    found = made(table(*runs), NONE)
    # dev: 60 and 25; ORACLE: 65 and 45
    assert (one(found)["score"], one(found)["gap"], one(found)["n_pairs"]) == pytest.approx((42.5, 12.5, 2))
    assert (one(found, "oracle")["score"], one(found, "oracle")["gap"]) == pytest.approx((55, 0))


def test_a_rule_that_one_run_lacks_has_no_score():
    found = made(table(*rules_of(0.5, 0.6, seed=0), *rules_of(0.5, 0.6, seed=1)[1:]), NONE)
    assert np.isnan(one(found)["score"])
    assert np.isnan(one(found)["gap"])
    assert one(found, "oracle")["score"] == pytest.approx(60)


def test_blocks_and_methods_stay_apart():
    runs = [*rules_of(0.5, 0.6), *rules_of(0.1, 0.3, "coral"), *rules_of(0.9, 0.9, cell_key="trial", run_key="trial"),
            *rules_of(0.2, 0.9, protocol="q", run_key="q", cell_key="q")]  # fmt: skip
    runs = table(*runs)
    runs = runs[runs["cell_key"] != "trial"]
    found = made(runs, NONE)
    gaps = found[found["rule"] == "dev"].set_index(["protocol", "method"])["gap"].to_dict()
    assert gaps == pytest.approx({("p", "dann"): 10, ("p", "coral"): 20, ("q", "dann"): 70})


TWO = [*rules_of(0.5, 0.6, seed=0), *rules_of(0.5, 0.6, seed=1)]


def test_within_runs_the_correlation_is_spearman_s_mean_over_runs():
    tied = [-1.0, -1.0, -2.0]
    looked = [*checkpoints("dann/a-b/0", TRUTH, dev=DEV), *checkpoints("dann/a-b/1", TRUTH[:3], dev=tied)]
    row = one(made(table(*TWO), table(*looked)))
    assert row["within"] == pytest.approx((RHO + spearmanr(TRUTH[:3], tied).statistic) / 2)
    assert row["n_within"] == 2


@pytest.mark.parametrize(
    ("truth", "dev"), [([0.2, 0.5], [1.0, 2.0]), ([0.2, 0.2, 0.2], [1.0, 2.0, 3.0]), ([0.2, 0.5, 0.4], [1.0, 1.0, 1.0])]
)
def test_a_run_with_two_checkpoints_or_without_variation_is_not_counted(truth, dev):
    looked = [*checkpoints("dann/a-b/0", TRUTH, dev=DEV), *checkpoints("dann/a-b/1", truth, dev=dev)]
    row = one(made(table(*TWO), table(*looked)))
    assert (row["within"], row["n_within"]) == (pytest.approx(RHO), 1)


def test_a_checkpoint_without_the_score_is_left_out_of_the_correlation():
    looked = checkpoints("dann/a-b/0", [*TRUTH, 0.1], dev=[*DEV, np.nan])
    assert one(made(table(*rules_of(0.5, 0.6)), table(*looked)))["within"] == pytest.approx(RHO)
    looked = checkpoints("dann/a-b/0", TRUTH, dev=[-3.0, -4.0, np.nan, np.nan])
    assert np.isnan(one(made(table(*rules_of(0.5, 0.6)), table(*looked)))["within"])


METHODS = ["dann", "coral", "mmd", "source_only"]


def between(last):
    """The last checkpoints of four methods on one pair and seed, after others that say something else."""
    runs = [r for method in METHODS for r in rules_of(0.5, 0.6, method)]
    looked = [c for i, method in enumerate(METHODS)
              for c in checkpoints(f"{method}/a-b/0", [TRUTH[-1 - i], TRUTH[i]], dev=[DEV[i], last[i]])][::-1]  # fmt: skip
    return made(table(*runs), table(*looked))


def test_between_runs_the_last_checkpoints_of_all_methods_count():
    found = between(DEV)
    for method in METHODS:
        row = one(found, method=method)
        assert (row["between"], row["n_between"], row["n_within"]) == (pytest.approx(RHO), 1, 0)


def test_a_method_without_the_score_at_its_last_checkpoint_is_left_out():
    row = one(between([-3.0, np.nan, -1.0, -1.5]))
    assert row["between"] == pytest.approx(0.5)  # ranks 1, 2, 3 and 1, 3, 2


def test_pairs_and_seeds_are_correlated_apart_and_averaged():
    runs, looked = [], []
    for seed, dev in ((0, DEV), (1, TRUTH)):
        for i, method in enumerate(METHODS):
            runs += rules_of(0.5, 0.6, method, seed=seed)
            looked += checkpoints(f"{method}/a-b/{seed}", [TRUTH[i] + seed], dev=[dev[i]])
    row = one(made(table(*runs), table(*looked)))
    assert (row["between"], row["n_between"]) == (pytest.approx((RHO + 1) / 2), 2)


def test_a_planned_run_that_is_not_there_leaves_no_score():
    runs = table(*rules_of(0.5, 0.6, seed=0), run(status="failed", seed=1))
    assert np.isnan(one(made(runs, NONE))["score"])
    cells = cells_of(table(*rules_of(0.5, 0.6, seed=0))).assign(n_expected=2)  # planned, and left no record
    assert np.isnan(one(selection_table(table(*rules_of(0.5, 0.6, seed=0)), NONE, cells))["score"])


def test_settings_stay_apart_and_a_reference_is_in_each():
    runs = table(*rules_of(0.3, 0.4, "source_only"), *rules_of(0.5, 0.6), *rules_of(0.1, 0.2, "tent"))
    cells = cells_of(runs)
    cells["setting"] = cells["method"].map({"tent": "test_time"}).fillna("closed_set")
    found = selection_table(runs, NONE, cells)
    places = found[found["rule"] == "dev"].groupby("setting")["method"].agg(sorted).to_dict()
    assert places == {"closed_set": ["dann", "source_only"], "test_time": ["source_only", "tent"]}


def test_variants_and_pairs_with_several_sources_stay_apart():
    runs = table(
        *rules_of(0.5, 0.6), *rules_of(0.1, 0.2, "dann", "a+b-c"), *rules_of(0.3, 0.4, cell_key="w", run_key="w")
    )
    cells = cells_of(runs)
    cells.loc[cells["cell_key"] == "w", "variant"] = "weight=2"
    found = selection_table(runs, NONE, cells)
    scores = found[found["rule"] == "dev"].set_index(["sources", "method"])["score"].to_dict()
    assert scores == pytest.approx(
        {("one source", "dann"): 50, ("several sources", "dann"): 10, ("one source", "dann weight=2"): 30}
    )
