"""Very many runs at a glance: means over runs, by pandas alone; no flags of cells, which need every prediction."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.dashboard.data import Snapshot
from tlbench.dashboard.filters import Filters, chosen_rows
from tlbench.dashboard.views import warning_view
from tlbench.findings.names import rule_name
from tlbench.findings.rule import Rule

BY = ["dataset", "pair", "protocol", "backbone", "method"]


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each of BY: runs, mean score (%) and mean gain (points) of done runs, runs flagged by themselves, mean
    warning where a run has one.

    A mean here is over whatever runs are done: where some are missing it is no cell's mean.
    """
    done = rows[rows["status"] == "done"]
    done = done.assign(
        score=100 * done["score"],
        warning=done["warning"].astype(float),
        negative=done["gain_flag"] == "negative",
        positive=done["gain_flag"] == "positive",
    )
    found = done.groupby(BY, observed=True, as_index=False).agg(
        runs=("run_key", "size"),
        mean_score=("score", "mean"),
        mean_gain=("gain", "mean"),
        runs_negative=("negative", "sum"),
        runs_positive=("positive", "sum"),
        mean_warning=("warning", "mean"),
    )
    found = found if found["mean_warning"].notna().any() else found.drop(columns="mean_warning")
    return found.sort_values("mean_gain", ignore_index=True, kind="stable").round(2)


def aggregated(found: Snapshot, filters: Filters) -> None:
    """Show the table, greatest loss on top."""
    rows = chosen_rows(found.at(filters.selection), filters, found.members)
    table = means(rows)
    if table.empty:
        return
    st.subheader("Means over finished runs", anchor=False)
    st.text(
        f"Selection {rule_name(filters.selection)}. Runs are negative or positive by themselves (exact test, not corrected)."
    )
    parts.table(table, "means", "Mean gain of each pair and method, greatest loss first")
    warning_view.show(warning_view.of_runs(rows), rows, Rule(filters.selection), (found.root, found.state, filters))
