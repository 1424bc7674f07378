"""Defaults beside what a rule without target labels chose of each search; trials that it did not choose are left out."""

from __future__ import annotations

import pandas as pd

from tlbench.findings.trials import GROUP, choose
from tlbench.store.table import Tables


def chosen_trials(rows: pd.DataFrame, plan: pd.DataFrame, tables: Tables, rule: str) -> pd.DataFrame:
    """Return the rows of defaults, and below them those of the chosen trials.

    A search counts once all its trials are done and the rule could judge each.

    Args:
        rows: one a run, with cell_key.
        plan: `Planned.runs`.
        rule: name of a validator.

    Returns:
        The rows that count with tuned, search, rule, trial and n_trials.
    """
    defaults = rows.assign(tuned=False, search="", rule="", trial=0, n_trials=0)
    choice = choose(plan, tables.runs, tables.checkpoints, rule)
    if choice.table.empty:
        return defaults
    trials = plan[plan["search"].notna()].drop_duplicates("cell_key").assign(base=lambda t: t["base"].fillna(""))
    drawn = trials.loc[trials["trial"].astype(int) > 0, "cell_key"]
    told = choice.table[(choice.table["rule"] == rule) & (choice.table["missing"] == 0)]
    picked = told[[*GROUP, "trial", "n_trials"]].merge(
        trials[[*GROUP, "trial", "cell_key"]].astype({"trial": int}), on=[*GROUP, "trial"]
    )
    tuned = rows.merge(picked[["cell_key", "search", "trial", "n_trials"]], on="cell_key")
    return pd.concat(
        [defaults[~defaults["cell_key"].isin(drawn)], tuned.assign(tuned=True, rule=rule)], ignore_index=True
    )
