"""Cells and their settings: what varies as columns, a scatter of any two, all of them on parallel axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.reporting.figures.settings_scatter import parallel, scatter
from tlbench.store.setting_columns import settings_table, varying

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tlbench.findings.evidence import Evidence

SCORES = ["gain", "score", "gain_half", "n_seeds"]
COSTS = ["seconds", "train_seconds", "peak_memory_mb"]


def with_varying(cells: pd.DataFrame, analysis: Evidence) -> tuple[pd.DataFrame, list[str]]:
    """Return cells with the settings in which those shown differ, and the names of these."""
    keys = [key for key in cells["cell_key"] if key in analysis.configs]
    if not keys:
        return cells, []
    settings = settings_table({key: analysis.configs[key] for key in keys}).astype(object)
    settings = settings.where(settings.notna(), None)
    names = [name for name in varying(settings) if not name.startswith("dataset.")]
    return cells.join(settings[names], on="cell_key"), names


def show(cells: pd.DataFrame, analysis: Evidence, key: Hashable) -> None:
    """Show the two figures; nothing where no setting varies."""
    table, names = with_varying(cells, analysis)
    if not names:
        return
    costs = analysis.kept.groupby("cell_key")[COSTS].mean()
    table = table.join(costs, on="cell_key")
    st.subheader("Against a setting", anchor=False)
    left, right = st.columns(2)
    with left:
        x = st.selectbox("Across", [*names, *COSTS, *SCORES], key="scatter_x")
    with right:
        y = st.selectbox("Up", [*SCORES, *COSTS, *names], key="scatter_y")
    if x is not None and y is not None:
        parts.figure("scatter", (key, x, y), lambda: scatter(table, x, y), f"{y} over {x}, a dot a cell")
    own = table[table["gain"].notna()]
    parts.figure("parallel", key, lambda: parallel(own, names), "Settings and gain on parallel axes, a line a cell")
