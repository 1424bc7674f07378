"""Whether a scope is analysed at once, or only when somebody asks; and what is shown of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tlbench.dashboard import data
from tlbench.dashboard.data import FAST, Snapshot
from tlbench.dashboard.filters import SCOPE, Filters, chosen_rows
from tlbench.findings.evidence import Evidence
from tlbench.findings.names import rule_name

PER_SECOND = 200
"""Runs that are analysed in a second, about."""
ASKED = "_asked"


def analysed(found: Snapshot, filters: Filters) -> Evidence | None:
    """Return the analysis of the scope; None, and said why, where there is none or where it takes too long to come unasked."""
    n = data.n_done(found, filters)
    if n == 0:
        st.info(f"No finished run here under the selection {rule_name(filters.selection)}.")
        return None
    scope = (filters.selection, *((name, filters.many.get(name)) for name in SCOPE))
    asked = st.session_state.setdefault(ASKED, set())
    if n > FAST and scope not in asked:
        st.info(
            f"{n} finished runs: choose a data set, a pair or a sweep for flags, causes and figures, or ask for all of them."
        )
        seconds = max(1, round(n / PER_SECOND))
        st.button(f"Work out flags and causes of {n} runs (about {seconds} s)", on_click=asked.add, args=(scope,))
        return None
    return data.analysis(found, filters)


def shown_cells(found: Snapshot, filters: Filters, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of cells that have a run that the filters let through."""
    kept = chosen_rows(found.runs, filters, found.members)["cell_key"]
    return table[table["cell_key"].isin(set(kept))]
