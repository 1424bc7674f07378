"""Hyper-parameters: which trial of a search a rule chooses, pair by pair, and what the choice was worth.

A trial is chosen for a pair by the mean over its seeds of the validator's score at the checkpoint that the validator picks.
Target labels choose only under the rule `oracle`, which is printed as ORACLE. `last` is no validator: it keeps the
defaults, trial 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from tlbench.findings.cells import BLOCK
from tlbench.selection.rules import LAST, ORACLE
from tlbench.store.plans import BESIDE

GROUP = [*BLOCK, "pair", "method", "search", "base"]


@dataclass(frozen=True)
class Choice:
    """What a rule chose.

    Attributes:
        dropped: cell keys that do not count: trials not chosen, and references that only these needed.
        names: cell key of each chosen trial to words for its column.
        table: one row a search, pair and rule: GROUP, rule, n_trials, trial, score, default_score, oracle_score (points), missing
            (trials that the rule could not judge).
        unfinished: one row a run of a trial that is not done: method, pair, trial, seed, status, reason.
    """

    dropped: frozenset[str]
    names: dict[str, str]
    table: pd.DataFrame
    unfinished: pd.DataFrame


def choose(plan: pd.DataFrame, runs: pd.DataFrame, checkpoints: pd.DataFrame, selection: str) -> Choice:
    """Choose among all planned trials under `selection`, and tell in a table what every rule would choose.

    Args:
        plan: `Planned.runs`, with `search` and `trial`.
        runs, checkpoints: of `read_tables`.
    """
    plan = plan.assign(base=plan["base"].fillna("") if "base" in plan else "")
    trials = plan[plan["search"].notna()].drop_duplicates("cell_key")
    if trials.empty:
        return Choice(frozenset(), {}, pd.DataFrame(), pd.DataFrame())
    seeds = plan.groupby("cell_key")["seed"].nunique()
    beside = _beside(trials)
    known = _judged(runs[runs["cell_key"].isin(trials["cell_key"])], checkpoints, seeds)
    kept: set[str] = set()
    names, rows = {}, []
    for key, group in trials.groupby(GROUP, sort=False, dropna=False):
        cells = group.set_index("cell_key")["trial"].astype(int).sort_values()
        row = dict(zip(GROUP, key, strict=True))
        # `selection` too where no run has it: what cannot be chosen stays as a gap of the default
        for rule in dict.fromkeys([*known["selection"], selection]):
            mine = known[known["selection"] == rule].set_index("cell_key").reindex(cells.index)
            score, judged = mine["score"], mine["judged"]
            best = cells.index[0] if rule == LAST or judged.isna().all() else judged.idxmax()
            numbers = {"score": score[best], "default_score": score.iloc[0], "missing": int(judged.isna().sum())}
            rows.append({**row, "rule": rule, "n_trials": len(cells), "trial": cells[best], **numbers})
            if rule == selection:
                kept.add(best)
                by = "" if rule == LAST else f" by {'ORACLE' if rule == ORACLE else rule}"
                # no trial's number: pairs choose different ones, and all stand in one column
                first = "default" if cells.iloc[0] == 0 else f"trial {cells.iloc[0]}"  # the default may be left out
                words = f"search {row['search']}: {'best' if by else first} of {len(cells)} trials{by}"
                names[str(best)] = f"[{words}{beside[row['base']]}]"
    table = pd.DataFrame(rows)
    if len(table):
        best_of = table[table["rule"] == ORACLE].set_index(GROUP)["score"]
        table["oracle_score"] = [best_of.get(tuple(row)) for row in table[GROUP].itertuples(index=False)]
    dropped = set(trials["cell_key"]) - kept
    return Choice(frozenset(dropped | _orphans(runs, plan, dropped)), names, table, _unfinished(plan, runs))


def mean_choices(table: pd.DataFrame) -> pd.DataFrame:
    """Tell what a rule's choices are worth over all pairs of a block.

    Args:
        table: `Choice.table`.

    Returns:
        BLOCK, method (with what tells its bases apart), search, rule, score, default, oracle (points, means over pairs; nan where
        one lacks its own), pairs, trials (numbers).
    """
    table = table.assign(method=table["method"] + table["base"].map(_beside(table)))
    return table.groupby([*BLOCK, "method", "search", "rule"], sort=False, as_index=False).agg(
        score=("score", _whole_mean),
        default=("default_score", _whole_mean),
        oracle=("oracle_score", _whole_mean),
        pairs=("pair", "nunique"),
        trials=("n_trials", "max"),
    )


def _whole_mean(values: pd.Series) -> float:
    return values.astype(float).mean(skipna=False)


def _beside(trials: pd.DataFrame) -> dict[str, str]:
    """Return what tells the bases of one search and method apart: `, optim.lr=0.05`; nothing where there is one."""
    found: dict[str, str] = {}
    for _, same in trials.groupby([*BLOCK, "pair", "method", "search"], sort=False, dropna=False):
        words = {base: set(str(base).split(BESIDE)) for base in same["base"].unique()}
        shared = set.intersection(*words.values())
        found |= {base: "".join(f", {word}" for word in sorted(own - shared)) for base, own in words.items()}
    return found


def _unfinished(plan: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    wanted = plan[plan["search"].notna()][["run_key", "method", "pair", "trial", "seed"]]
    states = runs.drop_duplicates("run_key")[["run_key", "status", "reason"]]
    table = wanted.merge(states, on="run_key", how="left")
    return table.assign(status=table["status"].fillna("missing"))[lambda t: t["status"] != "done"]


def _judged(runs: pd.DataFrame, checkpoints: pd.DataFrame, seeds: pd.Series) -> pd.DataFrame:
    """Return cell_key, selection, judged (mean validator's score, nan where a seed is missing), score (points)."""
    done = runs[runs["status"] == "done"].merge(checkpoints, on=["run_key", "step"], suffixes=("", "_at"))
    named = done["selection"].replace({ORACLE: "oracle_score"})
    at = {column: i for i, column in enumerate(done.columns)}
    values = done.to_numpy(dtype=object)
    done = done.assign(judged=[v[at[n]] if n in at else 0.0 for v, n in zip(values, named, strict=True)])
    means = done.groupby(["cell_key", "selection"], as_index=False).agg(
        judged=("judged", "mean"), score=("score", "mean"), n=("seed", "nunique")
    )
    whole = means["n"].to_numpy() == seeds.reindex(means["cell_key"]).to_numpy()
    return means.assign(judged=means["judged"].where(whole).astype(float), score=100 * means["score"].where(whole))


def _orphans(runs: pd.DataFrame, plan: pd.DataFrame, dropped: Iterable[str]) -> set[str]:
    """Return the references whose recipe only dropped cells share."""
    references = runs["cell_key"].isin(plan.loc[plan["family"] == "reference", "cell_key"])
    gone = runs["cell_key"].isin(set(dropped))
    only = set(runs.loc[gone, "recipe_key"]) - set(runs.loc[~gone & ~references, "recipe_key"])
    return {str(cell) for cell in runs.loc[references & runs["recipe_key"].isin(only), "cell_key"]}
