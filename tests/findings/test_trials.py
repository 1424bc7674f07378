import pandas as pd

from tests.findings.test_cells import AXES, run
from tlbench.findings.trials import choose

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
    assert choice.names == {"cell1": "[search dann: best of 3 trials by entropy]"}
    row = choice.table.set_index("rule").loc["entropy"]
    assert (row["trial"], row["score"], row["default_score"], row["oracle_score"]) == (1, 70, 50, 90)


def test_oracle_chooses_by_the_target_and_says_so_and_last_keeps_the_defaults():
    assert choose(*store(), "oracle").names == {"cell2": "[search dann: best of 3 trials by ORACLE]"}
    assert choose(*store(), "last").names == {"cell0": "[search dann: default of 3 trials]"}


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
    assert choice.names == {"cell0": "[search dann: best of 3 trials by entropy]"}
    assert choice.table.set_index("rule").loc["entropy", "missing"] == 1
