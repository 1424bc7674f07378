"""Gains over every reference that runs have, not the first alone: with labelled target examples, over source_only and
source_and_target beside target_only."""

from __future__ import annotations

import pandas as pd

from tlbench.findings.cells import NAMED, compared, summarise
from tlbench.findings.differences import Differences
from tlbench.findings.rule import Rule
from tlbench.store.runs import RunStore

OVER = "gain_over_"
COLUMNS = [*NAMED, "reference", "gain", "gain_half", "p_corrected", "n_tests", "flag"]


def other_gains(cells: pd.DataFrame, runs: pd.DataFrame, store: RunStore, rule: Rule) -> pd.DataFrame:
    """Return one row per method's cell and reference that is not its first. Each reference's gains are a family of their own.

    Args:
        cells: `summarise`'s table; cells that are holes are left out.
        runs: tidy table of the report's cells.
    """
    if cells.empty:
        return pd.DataFrame(columns=COLUMNS)
    whole = cells[(cells["hole"] == "") & (cells["role"] == "method")]
    variants = dict(zip(whole["cell_key"], whole["variant"], strict=True))
    known = set(runs["run_key"])
    found = []
    for column in (c for c in runs.columns if c.startswith(OVER)):
        name = column.removeprefix(OVER)
        own = runs[runs["cell_key"].isin(variants) & (runs["reference"] != name) & runs[column].notna()]
        run, step = own[f"run_over_{name}"], own[f"step_over_{name}"]
        own = own.assign(gain=own[column], reference=name, reference_run=run, reference_step=step)[run.isin(known)]
        rows = compared(own, rule.selection)
        if rows.empty:
            continue
        table = summarise(own, own, Differences(store, per_class=False).of(rows), rule, variants)
        found.append(table[table["gain"].notna()][COLUMNS])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
