"""Would the warning have known? Its score over the cells that are shown, or over means of runs where there are too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.findings.warned_cells import (
    COLUMNS,
    WarningScore,
    most_wrong,
    versions_of,
    warned,
    warning_bins,
    warning_score,
)
from tlbench.reporting.figures.warning_reliability import warning_reliability
from tlbench.reporting.sections.warning_section import (
    FEWEST_DRAWN,
    TITLE,
    WORDS,
    score_texts,
    warning_words,
    wrong_texts,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tlbench.findings.rule import Rule


def show(cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule, key: Hashable) -> None:
    """Show the score, its figure and where it was most wrong; nothing where no cell has a warning.

    Args:
        cells: `summarise`'s table, or `of_runs`'.
        runs: tidy table, for the models' versions.
        key: what the cells depend on.
    """
    table = warned(cells)
    if table.empty:
        return
    st.subheader(TITLE, anchor=False)
    score = _score(key, table)
    st.text(f"{WORDS} {warning_words(table, score, versions_of(runs, rule.selection))}")
    if score is not None:
        parts.table(score_texts(score), "warning", "How good the warning was")
        if score.n >= FEWEST_DRAWN:
            bins = warning_bins(table, rule.alpha)
            parts.figure(
                "warning",
                key,
                lambda: warning_reliability(bins, rule.selection, rule.alpha),
                "Reliability of the warning",
            )
    wrong = most_wrong(table)
    if len(wrong):
        st.text("Gains beyond noise of which it said the contrary, the farthest from the truth first.")
        parts.table(wrong_texts(wrong), "warning_wrong", "Cells of which the warning was most wrong")


@st.cache_data(max_entries=24, show_spinner=False)
def _score(key: Hashable, _table: pd.DataFrame) -> WarningScore | None:
    return warning_score(_table)


def of_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `warned_cells.COLUMNS` and the role, a row a cell: means over whatever runs of it are done; without a flag."""
    done = rows[rows["status"] == "done"].astype({"warning": float})
    same = done.groupby("cell_key", sort=False)
    first = same.first().reset_index()
    means = same[["gain", "warning"]].mean().reset_index()
    cells = first.drop(columns=["gain", "warning"]).merge(means, on="cell_key")
    role = cells["family"].map(lambda family: "reference" if family == "reference" else "method")
    cells = cells.assign(variant="", flag="", gain_half=float("nan"), role=role, n_seeds=same.size().to_numpy())
    return cells[[*COLUMNS, "role"]]
