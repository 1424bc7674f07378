"""First view: what hurt and why, what helped, what was run, what is missing; the figures of gains; the leaderboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.dashboard.filters import chosen_rows
from tlbench.dashboard.views import gain_figures, gate, warning_view
from tlbench.dashboard.views.aggregates import aggregated
from tlbench.dashboard.views.tables import cell_rows
from tlbench.findings.number_format import HURTS
from tlbench.findings.overview import Overview, overview
from tlbench.reporting.figures.style import counted
from tlbench.reporting.words import legend

if TYPE_CHECKING:
    from tlbench.dashboard.data import Snapshot
    from tlbench.dashboard.filters import Filters

FIRST = ("method", "pair", "gain", "flag", HURTS, "cause", "evidence")
"""What answers the question stands first, where a narrow window shows it."""


def show(found: Snapshot, filters: Filters) -> None:
    if found.runs.empty:
        st.info("The store holds no runs yet. A sweep fills it, and this page shows its runs as they come.")
        return
    analysis = gate.analysed(found, filters)
    if analysis is None:
        _run(found, filters)
        aggregated(found, filters)
    else:
        cells = gate.shown_cells(found, filters, analysis.cells)
        _flagged(cells, overview(replace(analysis, cells=cells)))
        _run(found, filters)
        gain_figures.show(cells, analysis, (found.root, found.state, filters))
        warning_view.show(cells, analysis.kept, analysis.rule, (found.root, found.state, filters))
        _holes(cells)
        st.caption(legend(analysis))
    _not_done(found, filters)


def _run(found: Snapshot, filters: Filters) -> None:
    runs = chosen_rows(found.runs, filters, found.members)
    axes = {"dataset": "data sets", "pair": "pairs", "protocol": "protocols", "method": "methods", "seed": "seeds"}
    told = [counted([runs[axis].nunique()], words) for axis, words in axes.items()]
    st.subheader("What was run", anchor=False)
    st.text(f"{counted([runs['run_key'].nunique()], 'runs')}: {', '.join(told)}.")


def _flagged(cells: pd.DataFrame, first: Overview) -> None:
    by_key = cells.set_index("cell_key", drop=False)
    titles = {"negative": "What hurt, and why", "positive": "What helped"}
    for flag, told in (("negative", first.negative), ("positive", first.positive)):
        st.subheader(titles[flag], anchor=False)
        n = counted([first.n_compared], "cells")
        st.text(f"{len(told)} of {n} {'is' if len(told) == 1 else 'are'} {flag} beyond noise.")
        if told:
            rows = cell_rows(by_key.loc[[cell.key for cell in told]])
            if flag == "negative":
                rows = rows.assign(cause=[cell.cause for cell in told], evidence=[cell.evidence for cell in told])
            head = [name for name in FIRST if name in rows]
            rows = rows[[*head, *rows.columns.difference(head, sort=False)]]
            parts.table(rows, flag, f"Cells that are {flag} beyond noise")


def _holes(cells: pd.DataFrame) -> None:
    holes = cells[cells["hole"] != ""]
    st.subheader("What is missing", anchor=False)
    st.text(f"{len(holes)} of {counted([len(cells)], 'cells')} {'is' if len(holes) == 1 else 'are'} not complete.")
    if len(holes):
        parts.table(cell_rows(holes), "missing", "Cells that are not complete")


def _not_done(found: Snapshot, filters: Filters) -> None:
    runs = chosen_rows(found.runs, filters, found.members)
    bad = runs[runs["status"].isin(["failed", "skipped"])]
    if len(bad):
        st.subheader("Failed and skipped runs", anchor=False)
        names = ["status", "dataset", "pair", "protocol", "method", "seed", "reason", "run_key"]
        parts.table(bad[names].astype(str), "failed", "Failed and skipped runs with their reasons")
