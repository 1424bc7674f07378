import numpy as np
import pandas as pd
import pytest

from tests.findings.tables import AXES, run, table
from tlbench.findings.trials import choose


def planned(key, trial, pair="a-b", seed=0, method="dann", search="small", **changes):
    family = "reference" if method == "source_only" else "feature"
    return {"run_key": f"{key}/{seed}", "cell_key": key, "seed": seed, **AXES, "pair": pair, "method": method,
            "family": family, "search": search, "trial": trial, **changes}  # fmt: skip


STEP = {"last": 9, "dev": 3, "oracle": 6}
SCORES = {  # trial: accuracy at the checkpoint of each rule, and the validator's score there, by seed
    0: {"last": [0.50, 0.54], "dev": [0.51, 0.51], "oracle": [0.60, 0.60], "said": [-3.0, -1.0]},
    1: {"last": [0.70, 0.70], "dev": [0.55, 0.61], "oracle": [0.71, 0.73], "said": [0.0, -1.0]},
    2: {"last": [0.71, 0.71], "dev": [0.72, 0.74], "oracle": [0.80, 0.82], "said": [0.5, -3.5]},
}


def store(pair="a-b", scores=SCORES, without=()):
    """Plan, runs and checkpoints of three trials with two seeds, and of the reference that each has of its own."""
    plan, runs, checkpoints = [], [], []
    for trial, of in scores.items():
        for seed in (0, 1):
            key, reference = f"{pair}/t{trial}", f"{pair}/r{trial}"
            plan += [planned(key, trial, pair, seed), planned(reference, None, pair, seed, "source_only", None)]
            runs.append(run("source_only", pair, seed, run_key=f"{reference}/{seed}", cell_key=reference,
                            recipe_key=reference))  # fmt: skip
            if (trial, seed) in without:
                continue
            about = {"run_key": f"{key}/{seed}", "cell_key": key, "recipe_key": reference}
            runs += [run("dann", pair, seed, of[rule][seed], rule, step=step, **about) for rule, step in STEP.items()]
            said = {"last": -9.0, "dev": of["said"][seed], "oracle": -8.0}
            checkpoints += [
                {"run_key": about["run_key"], "step": step, "oracle_score": of[rule][seed], "dev": said[rule]}
                for rule, step in STEP.items()
            ]
    return plan, runs, checkpoints


def chosen(selection, *stores):
    plan, runs, checkpoints = [
        table(*(row for part in parts for row in part)) for parts in zip(*(stores or [store()]), strict=True)
    ]
    if checkpoints.empty:
        checkpoints = pd.DataFrame(columns=["run_key", "step", "oracle_score"])
    return choose(plan, runs, checkpoints, selection)


def row_of(choice, rule):
    (row,) = choice.table[choice.table["rule"] == rule].to_dict("records")
    return row


@pytest.mark.parametrize(("rule", "trial", "score"), [("last", 0, 52), ("dev", 1, 58), ("oracle", 2, 81)])
def test_each_rule_chooses_by_its_own_mean_over_seeds(rule, trial, score):
    # dev says -2, -0.5, -1.5 on average: trial 1, though trial 2 has its best seed and the best accuracy
    choice = chosen(rule)
    row = row_of(choice, rule)
    default = {"last": 52, "dev": 51, "oracle": 60}[rule]
    assert (row["trial"], row["n_trials"], row["missing"]) == (trial, 3, 0)
    assert (row["score"], row["default_score"], row["oracle_score"]) == pytest.approx((score, default, 81))
    assert list(choice.names) == [f"a-b/t{trial}"]
    assert choice.dropped == {f"a-b/{kind}{t}" for kind in "tr" for t in range(3) if t != trial}


def test_the_table_tells_of_every_rule_whichever_is_asked_for():
    pd.testing.assert_frame_equal(chosen("last").table, chosen("oracle").table)
    assert set(chosen("dev").table["rule"]) == {"last", "dev", "oracle"}


def test_a_trial_with_a_missing_seed_cannot_be_chosen():
    gap = store(without=[(1, 1)])
    assert row_of(chosen("dev", gap), "dev")["trial"] == 2
    assert row_of(chosen("dev", gap), "dev")["missing"] == 1
    assert row_of(chosen("oracle", store(without=[(2, 0)])), "oracle")["trial"] == 1


def test_last_keeps_the_default_even_where_it_has_a_hole():
    choice = chosen("last", store(without=[(0, 1)]))
    assert list(choice.names) == ["a-b/t0"]
    assert np.isnan(row_of(choice, "last")["score"])
    assert row_of(choice, "dev")["trial"] == 1


EVERYTHING = [(t, s) for t in range(3) for s in (0, 1)]


@pytest.mark.parametrize(
    ("rule", "stores"),
    [("iwv", [store()]), ("dev", [store(without=EVERYTHING)]), ("dev", [store(without=EVERYTHING), store("c-d")])],
)
def test_the_default_stays_as_a_gap_where_nothing_can_be_chosen(rule, stores):
    choice = chosen(rule, *stores)
    assert "a-b/t0" in choice.names
    assert "a-b/t0" not in choice.dropped
    assert {"a-b/t1", "a-b/t2"} <= choice.dropped


def test_each_pair_chooses_for_itself():
    other = store("c-d", {0: SCORES[1], 1: SCORES[0], 2: SCORES[2]})
    assert set(chosen("dev", store(), other).names) == {"a-b/t1", "c-d/t0"}


def test_the_choices_of_all_pairs_stand_in_one_column():
    other = store("c-d", {0: SCORES[1], 1: SCORES[0], 2: SCORES[2]})
    assert set(chosen("dev", store(), other).names.values()) == {"[search small: best of 3 trials by dev]"}
    assert chosen("oracle").names["a-b/t2"] == "[search small: best of 3 trials by ORACLE]"
    assert chosen("last").names["a-b/t0"] == "[search small: default of 3 trials]"


def test_references_that_others_need_are_kept():
    plan, runs, checkpoints = store()
    plan.append(planned("coral", None, method="coral", search=None))
    runs.append(run("coral", run_key="coral/0", cell_key="coral", recipe_key="a-b/r2"))
    plan.append(planned("lonely", None, method="source_only", search=None))
    runs.append(run("source_only", run_key="lonely/0", cell_key="lonely"))
    choice = choose(table(*plan), table(*runs), table(*checkpoints), "dev")
    assert choice.dropped == {"a-b/t0", "a-b/t2", "a-b/r0"}


def test_a_reference_does_not_keep_another_that_only_dropped_trials_need():
    plan, runs, checkpoints = store()
    plan.append(planned("target", None, method="source_only", search=None))
    runs.append(run("source_only", run_key="target/0", cell_key="target", recipe_key="a-b/r2"))
    assert "a-b/r2" in choose(table(*plan), table(*runs), table(*checkpoints), "dev").dropped
