"""Would one have known without target labels? What each selection rule costs, and how well its scores follow the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.findings.cells import BLOCK, SETTING, by_setting, sources_of
from tlbench.findings.names import method_name
from tlbench.selection.rules import ORACLE

PLACE = [*BLOCK, SETTING, "sources"]
FEWEST = 3
"""Checkpoints of a run, or runs beside each other, that a rank correlation needs."""


def selection_table(runs: pd.DataFrame, checkpoints: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row per block, setting, number of sources (one or several), method with its variant, and rule.

    A reference stands in the setting of every method that it is compared with.

    Args:
        runs: of the cells of the report.
        cells: `summarise`'s table: what was planned, and the variants' names.

    Returns:
        BLOCK, setting, sources, method, rule; score (points, mean over seeds, then over pairs; nan unless all planned pairs and
        seeds have the rule), gap (score under ORACLE minus score), n_pairs; within, n_within: mean over runs of the rank
        correlation of the rule's score with the target score over the run's checkpoints, and number of runs with three
        checkpoints or more that vary; between, n_between: the same over the last checkpoints of all runs of one pair and
        seed, which is of the block and setting, not of a method.
        Target scores are ORACLE knowledge; they only judge the rules here.
    """
    done = runs[runs["status"] == "done"].drop(columns="method")
    if done.empty:
        return pd.DataFrame()
    blocks = [parts for _, block in cells.groupby(BLOCK, sort=False) for parts in by_setting(block)]
    found = [_of_setting(done, checkpoints, own.assign(**{SETTING: name})) for name, own in blocks]
    return pd.concat(found, ignore_index=True)


def _of_setting(done: pd.DataFrame, checkpoints: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one block and setting, whose cells these are."""
    # ORACLE by its rule is said by the rule's name; by itself, by the method's
    own = done.loc[done["uses_target_labels"].astype(bool) & (done["selection"] != ORACLE), "cell_key"]
    named = cells.assign(uses_target_labels=cells["cell_key"].isin(own))
    about = named.assign(method=[method_name(cell) for cell in named.itertuples()], sources=sources_of(named))
    done = done.drop(columns=SETTING, errors="ignore").merge(
        about[["cell_key", SETTING, "method", "sources"]], on="cell_key"
    )
    key = [*PLACE, "method"]
    n_runs = about.groupby(key)["n_expected"].sum()
    by_pair = done.groupby([*key, "selection", "pair", "cell_key"], sort=False)["score"].agg(["mean", "size"])
    table = (
        by_pair.reset_index()
        .groupby([*key, "selection"], sort=False)
        .agg(score=("mean", "mean"), n=("size", "sum"), n_pairs=("pair", "nunique"))
    )
    whole = table["n"].to_numpy() == n_runs.reindex(table.droplevel("selection").index).to_numpy()
    table["score"] = 100 * table["score"].where(whole)
    table = table.drop(columns="n").reset_index().rename(columns={"selection": "rule"})
    best = table[table["rule"] == ORACLE].set_index(key)["score"]
    table["gap"] = best.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy() - table["score"]
    looks = checkpoints.merge(done.drop_duplicates("run_key")[["run_key", *key, "pair", "seed"]], on="run_key")
    rules = [c for c in checkpoints.columns if c not in ("run_key", "step", "oracle_score")]
    last = looks.sort_values("step").drop_duplicates("run_key", keep="last")
    within = _mean_correlations(looks, rules, key, ["run_key"], "within")
    between = _mean_correlations(last, rules, PLACE, ["pair", "seed"], "between")
    return table.merge(within, on=[*key, "rule"], how="left").merge(between, on=[*PLACE, "rule"], how="left")


def _correlations(table: pd.DataFrame, group: list[str], rules: list[str]) -> pd.DataFrame:
    """Correlate (Spearman) each rule's column with `oracle_score` within groups; nan where a side does not vary."""
    number = table.groupby(
        group, sort=False
    ).ngroup()  # a number in place of ten names, which each step would read anew
    found = {}
    for rule in rules:
        known = table.loc[table[rule].notna() & (number >= 0), ["oracle_score", rule]]  # not every run has every score
        part = number[known.index]
        ranks = known.groupby(part).rank()
        ranks = ranks - ranks.groupby(part).transform("mean")
        across = (ranks["oracle_score"] * ranks[rule]).groupby(part).sum()
        truth, own = ((ranks[name] ** 2).groupby(part).sum() for name in ("oracle_score", rule))
        enough = (truth > 0) & (own > 0) & (known.groupby(part).size() >= FEWEST)
        with np.errstate(invalid="ignore", divide="ignore"):
            found[rule] = (across / np.sqrt(truth * own)).where(enough)
    names = table[group].assign(number=number).drop_duplicates("number").set_index("number")
    return names.join(pd.DataFrame(found), how="inner")


def _mean_correlations(
    looks: pd.DataFrame, rules: list[str], over: list[str], inside: list[str], name: str
) -> pd.DataFrame:
    """Return the mean over groups of `over` of the correlations inside `inside` as column `name`, their number as n_`name`."""
    if not rules:
        return pd.DataFrame(columns=[*over, "rule", name, f"n_{name}"])
    found = _correlations(looks, [*over, *inside], rules)
    long = found.melt(id_vars=over, value_vars=rules, var_name="rule", value_name="rho")
    return long.groupby([*over, "rule"], as_index=False)["rho"].agg(**{name: "mean", f"n_{name}": "count"})
