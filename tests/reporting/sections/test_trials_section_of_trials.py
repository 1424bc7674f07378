import pandas as pd

from tests.findings.test_cells import run
from tests.findings.test_trials import store
from tlbench.findings.trials import choose
from tlbench.reporting.sections.trials_section import trials_section


def test_without_a_search_nothing_is_dropped():
    plan, runs, points = store()
    plan["search"] = None
    choice = choose(plan, runs, points, "entropy")
    assert (choice.dropped, choice.names, trials_section(choice, "entropy")) == (frozenset(), {}, None)


def test_the_page_shows_what_each_choice_was_worth():
    shown = trials_section(choose(*store(), "entropy"), "entropy").shown.set_index("chosen by")
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
        "cell1": "[search dann: best of 3 trials by entropy, optim.lr=0.1]",
        "slowcell2": "[search dann: best of 3 trials by entropy, optim.lr=0.05]",
    }
    assert {"cell1", "slowcell2"} & choice.dropped == set()
    assert trials_section(choice, "entropy").shown["method"].nunique() == 2


def test_runs_of_trials_that_are_not_done_are_named():
    plan, runs, points = store(missing=[(1, 1)])
    failed = run(status="failed", seed=1, run_key="t2s1", cell_key="cell2", recipe_key="recipe2")
    choice = choose(plan, pd.concat([runs[runs["run_key"] != "t2s1"], pd.DataFrame([failed])]), points, "entropy")
    assert choice.unfinished[["trial", "seed", "status"]].to_numpy().tolist() == [[1, 1, "missing"], [2, 1, "failed"]]
    words = trials_section(choice, "entropy").words[-1]
    assert "2 runs of trials are not done" in words
    assert "dann on a-b, trial 2, seed 1: failed (why)" in words
