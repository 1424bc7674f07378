"""Very many runs at a glance: means over runs, by pandas alone; no flags of cells, which need every prediction."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.dashboard.data import Snapshot
from tlbench.dashboard.filters import Filters, chosen_rows
from tlbench.findings.names import rule_name

BY = ["dataset", "pair", "protocol", "backbone", "method"]


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each of BY: runs, mean score (%) and mean gain (points) of done runs, runs flagged by themselves.

    A mean here is over whatever runs are done: where some are missing it is no cell's mean.
    """
    done = rows[rows["status"] == "done"]
    done = done.assign(
        score=100 * done["score"], negative=done["gain_flag"] == "negative", positive=done["gain_flag"] == "positive"
    )
    found = done.groupby(BY, observed=True, as_index=False).agg(
        runs=("run_key", "size"),
        mean_score=("score", "mean"),
        mean_gain=("gain", "mean"),
        runs_negative=("negative", "sum"),
        runs_positive=("positive", "sum"),
    )
    return found.sort_values("mean_gain", ignore_index=True, kind="stable").round(2)


def aggregated(found: Snapshot, filters: Filters) -> None:
    """Show the table, greatest loss on top."""
    table = means(chosen_rows(found.at(filters.selection), filters, found.members))
    if table.empty:
        return
    st.subheader("Means over finished runs", anchor=False)
    st.text(
        f"Selection {rule_name(filters.selection)}. Runs are negative or positive by themselves (exact test, not corrected)."
    )
    parts.table(table, "means", "Mean gain of each pair and method, greatest loss first")
