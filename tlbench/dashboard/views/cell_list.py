"""Cells as a table; one of them with its runs, and from there to a run."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts, state
from tlbench.dashboard.data import Snapshot
from tlbench.dashboard.filters import Filters, chosen_rows
from tlbench.dashboard.views import cell_settings, gate
from tlbench.dashboard.views.aggregates import aggregated
from tlbench.dashboard.views.tables import cell_rows, cell_words, run_rows, run_words
from tlbench.findings.names import pair_title


def show(found: Snapshot, filters: Filters) -> None:
    analysis = gate.analysed(found, filters)
    if analysis is None:
        aggregated(found, filters)
        rows = chosen_rows(found.at(filters.selection), filters, found.members)
        first = rows.drop_duplicates("cell_key")
        words = {
            str(r.cell_key): f"{r.method} on {pair_title(r.pair)}, {r.dataset}, {r.protocol}"
            for r in first.itertuples()
        }
        why = pd.DataFrame(columns=["cell_key", "cause", "evidence"])
    else:
        cells = gate.shown_cells(found, filters, analysis.cells)
        st.subheader("Cells", anchor=False)
        shown, varied = cell_settings.with_varying(cells, analysis)
        picked = parts.table(cell_rows(shown, varied), "cells", "Cells with score, gain and flag", picks=True)
        if picked is not None:
            st.session_state["cell"] = str(cells["cell_key"].iloc[picked])
        cell_settings.show(cells, analysis, (found.root, found.state, filters))
        words = {str(cell.cell_key): cell_words(cell) for cell in cells.itertuples()}
        why = analysis.causes
    st.subheader("One cell", anchor=False)
    key = parts.pick("Cell", "cell", list(words), lambda cell: words[cell])
    if key is not None:
        _one(found, filters, key, why[why["cell_key"] == key])


def _one(found: Snapshot, filters: Filters, key: str, why: pd.DataFrame) -> None:
    for row in why.itertuples():
        st.text(f"Cause: {row.cause}. {row.evidence}")
    rows = found.at(filters.selection)
    rows = rows[rows["cell_key"] == key].sort_values("seed")
    absent = found.runs[(found.runs["cell_key"] == key) & (found.runs["status"] == "missing")]
    if len(absent):
        st.text(f"Missing seeds: {', '.join(map(str, sorted(absent['seed'])))}.")
    if rows.empty:
        st.text("No run of this cell is there under this selection.")
        return
    picked = parts.table(run_rows(rows), f"runs-{key}", "Runs of the cell: a click on a row opens it", picks=True)
    if picked is not None:
        state.go("run", run=str(rows["run_key"].iloc[picked]))
        state.refresh()
    words = {str(run.run_key): run_words(run) for run in rows.itertuples()}
    run = parts.pick("Run", "run", list(words), lambda name: words[name])
    st.button("Open this run", type="primary", on_click=state.go, args=("run",), kwargs={"run": run})
