import pandas as pd

from tests.report.test_cells import AXES, run
from tlbench.report.trials import choose, section

PLAN = {**AXES, "metric": "accuracy", "pair": "a-b", "family": "feature", "method": "dann"}
# target score under `last`, `entropy` and `oracle`, and entropy's own score, of each trial
SCORES = {0: (0.5, 0.5, 0.55, -1.0), 1: (0.6, 0.7, 0.75, -0.5), 2: (0.8, 0.8, 0.9, -2.0)}


def store(missing=()):
    """Three trials of two seeds; the plan, the runs and their checkpoints."""
    plan, runs, points = [], [], []
    for trial, (last, entropy, oracle, own) in SCORES.items():
        for seed in (0, 1):
            key, cell = f"t{trial}s{seed}", f"cell{trial}"
            plan.append({"run_key": key, "cell_key": cell, "seed": seed, **PLAN, "search": "dann", "trial": trial})
            if (trial, seed) in missing:
                continue
            for i, (rule, score) in enumerate((("last", last), ("entropy", entropy), ("oracle", oracle))):
                runs.append(run(seed=seed, run_key=key, cell_key=cell, accuracy=score, selection=rule, step=i,
                                recipe_key=f"recipe{trial}"))  # fmt: skip
                points.append({"run_key": key, "step": i, "oracle_score": score, "entropy": own + 0.01 * seed})
    for trial in SCORES:
        for reference, name in (("source_only", "ref"), ("target_only", "other")):
            runs.append(run(reference, run_key=f"{name}{trial}", cell_key=f"{name}cell{trial}", step=0,
                            recipe_key=f"recipe{trial}"))  # fmt: skip
            plan.append({**PLAN, "run_key": f"{name}{trial}", "cell_key": f"{name}cell{trial}", "seed": 0,
                         "method": reference, "family": "reference", "search": None, "trial": None})  # fmt: skip
    return pd.DataFrame(plan), pd.DataFrame(runs), pd.DataFrame(points)


def test_a_validator_chooses_by_its_own_score_and_not_by_the_target():
    choice = choose(*store(), "entropy")
    assert choice.names == {"cell1": "search dann: best of 3 trials by entropy"}
    row = choice.table.set_index("rule").loc["entropy"]
    assert (row["trial"], row["score"], row["default_score"], row["oracle_score"]) == (1, 70, 50, 90)


def test_oracle_chooses_by_the_target_and_says_so_and_last_keeps_the_defaults():
    assert choose(*store(), "oracle").names == {"cell2": "search dann: best of 3 trials by ORACLE"}
    assert choose(*store(), "last").names == {"cell0": "search dann: default of 3 trials"}


def test_trials_not_chosen_leave_the_tables_with_the_references_that_only_they_need():
    """Every reference of theirs, not the first alone."""
    gone = {f"{name}{trial}" for name in ("cell", "refcell", "othercell") for trial in (0, 2)}
    assert choose(*store(), "entropy").dropped == gone
    plan, runs, points = store()
    other = run("coral", run_key="c", cell_key="coral", step=0, recipe_key="recipe0")
    more = pd.concat([runs, pd.DataFrame([other])], ignore_index=True)
    assert choose(plan, more, points, "entropy").dropped == gone - {"refcell0", "othercell0"}


def test_a_trial_with_a_missing_seed_cannot_be_chosen():
    choice = choose(*store(missing=[(1, 1)]), "entropy")
    assert choice.names == {"cell0": "search dann: best of 3 trials by entropy"}
    assert choice.table.set_index("rule").loc["entropy", "missing"] == 1


def test_without_a_search_nothing_is_dropped():
    plan, runs, points = store()
    plan["search"] = None
    choice = choose(plan, runs, points, "entropy")
    assert (choice.dropped, choice.names, section(choice, "entropy")) == (frozenset(), {}, None)


def test_the_page_shows_what_each_choice_was_worth():
    shown = section(choose(*store(), "entropy"), "entropy").shown.set_index("chosen by")
    assert shown.loc["entropy", ["accuracy", "over the defaults", "below ORACLE"]].tolist() == ["70.0", "+20.0", "20.0"]
    assert shown.loc["ORACLE", "below ORACLE"] == "0.0"


def test_a_grid_beside_a_search_keeps_a_choice_for_each_of_its_points():
    """Trials of two learning rates are no trials of one search."""
    plan, runs, points = store()
    other = [table.assign(cell_key="slow" + table["cell_key"]) for table in (plan, runs)]
    other = [table.assign(run_key="slow" + table["run_key"]) for table in other]
    slow = points.assign(run_key="slow" + points["run_key"], entropy=-points["entropy"])  # the other way round
    plan = pd.concat(
        [plan.assign(base="method=dann | optim.lr=0.1"), other[0].assign(base="method=dann | optim.lr=0.05")]
    )
    choice = choose(plan, pd.concat([runs, other[1]]), pd.concat([points, slow]), "entropy")
    assert choice.names == {
        "cell1": "search dann: best of 3 trials by entropy, optim.lr=0.1",
        "slowcell2": "search dann: best of 3 trials by entropy, optim.lr=0.05",
    }
    assert {"cell1", "slowcell2"} & choice.dropped == set()
    assert section(choice, "entropy").shown["method"].nunique() == 2


def test_runs_of_trials_that_are_not_done_are_named():
    plan, runs, points = store(missing=[(1, 1)])
    failed = run(status="failed", seed=1, run_key="t2s1", cell_key="cell2", recipe_key="recipe2")
    choice = choose(plan, pd.concat([runs[runs["run_key"] != "t2s1"], pd.DataFrame([failed])]), points, "entropy")
    assert choice.unfinished[["trial", "seed", "status"]].to_numpy().tolist() == [[1, 1, "missing"], [2, 1, "failed"]]
    words = section(choice, "entropy").words[-1]
    assert "2 runs of trials are not done" in words
    assert "dann on a-b, trial 2, seed 1: failed (why)" in words
