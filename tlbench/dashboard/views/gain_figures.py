"""The gains of a block of cells as figures, and its leaderboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from tlbench.dashboard import parts
from tlbench.findings.cells import compared
from tlbench.findings.gains import gain_table
from tlbench.findings.grid import cells_in, grids
from tlbench.findings.leaderboards import leaderboard_table
from tlbench.reporting.figures.forest import gain_forest
from tlbench.reporting.figures.heat_map import gain_heat_map
from tlbench.reporting.figures.leaderboard import leaderboard

if TYPE_CHECKING:
    from tlbench.findings.evidence import Evidence


def show(cells: pd.DataFrame, analysis: Evidence, key: tuple) -> None:
    blocks = {grid.title: grid for grid in grids(cells)}
    st.subheader("Gains", anchor=False)
    title = parts.pick("Block", "block", list(blocks))
    if title is None:
        st.text("No cell here.")
        return
    grid, rule = blocks[title], analysis.rule
    table = gain_table(grid, compared(analysis.runs, rule.selection))
    parts.figure("gains", (key, title), lambda: gain_heat_map(table, rule), f"Heat map of gains, {title}")
    parts.figure("forest", (key, title), lambda: gain_forest(table, rule), f"Gains with intervals, {title}")
    st.subheader("Leaderboard", anchor=False)
    own = cells_in(grid, cells)
    parts.figure(
        "leaderboard", (key, title), lambda: leaderboard(leaderboard_table(own, rule), rule), f"Leaderboard, {title}"
    )
