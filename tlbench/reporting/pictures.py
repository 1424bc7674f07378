"""The figures of a block of cells, by name; those of questions stand in their sections."""

from __future__ import annotations

from functools import partial

import pandas as pd

from tlbench.findings.cells import compared
from tlbench.findings.costs import cost_table
from tlbench.findings.evidence import Evidence
from tlbench.findings.gains import gain_table
from tlbench.findings.grid import Grid, cells_in, grids
from tlbench.findings.leaderboards import leaderboard_table
from tlbench.findings.names import metric_title
from tlbench.findings.rule import Rule
from tlbench.reporting.analysis import Analysis
from tlbench.reporting.figures.cost import gain_over_cost
from tlbench.reporting.figures.forest import gain_forest
from tlbench.reporting.figures.heat_map import gain_heat_map
from tlbench.reporting.figures.leaderboard import leaderboard
from tlbench.reporting.figures.style import headed
from tlbench.reporting.section import Draw

CAPTIONS = {
    "gains": "Where it helps and where it hurts: gain of each method on each pair.",
    "forest": "How sure: every gain with its interval.",
    "leaderboard": "Which method is best over all pairs.",
    "cost": "What a gain costs: points against training time and memory.",
}


def block_figures(grid: Grid, cells: pd.DataFrame, runs: pd.DataFrame, rule: Rule) -> dict[str, Draw]:
    """Return the figures of one block, by the names of CAPTIONS, as far as its cells have what they show.

    Args:
        cells: the block's rows of `summarise`'s table.
        runs: tidy table.
    """
    label = f"{metric_title(cells['metric'].iloc[0])} (%)"
    gains = gain_table(grid, compared(runs, rule.selection))
    found: dict[str, Draw] = {}
    if gains["gain"].notna().any():
        found = {"gains": partial(gain_heat_map, gains, rule), "forest": partial(gain_forest, gains, rule)}
    if cells["score"].notna().any() and len(grid.methods) > 1:
        found["leaderboard"] = partial(leaderboard, leaderboard_table(cells, rule), rule, score_label=label)
    costs = cost_table(cells, runs, rule.selection)
    if (costs["role"] == "method").any():
        found["cost"] = partial(gain_over_cost, costs, rule)
    return {name: partial(headed, draw, grid.title) for name, draw in found.items()}


def blocks(found: Evidence) -> list[tuple[Grid, dict[str, Draw]]]:
    """Return each block of a report with its figures."""
    return [
        (grid, block_figures(grid, cells_in(grid, found.cells), found.runs, found.rule)) for grid in grids(found.cells)
    ]


def all_figures(found: Analysis) -> dict[str, Draw]:
    """Return the stem of a file to what draws it, of all blocks and sections."""
    drawn = {
        f"{name}{'' if i == 0 else f'_{i + 1}'}": figure
        for i, (_, figures) in enumerate(blocks(found.evidence))
        for name, figure in figures.items()
    }
    for section in found.sections:
        for name, figure in section.figures.items():
            alone = len(section.figures) == 1
            stem = section.name if alone else name if name.startswith(section.name) else f"{section.name}_{name}"
            drawn[stem] = figure if section.captions else partial(headed, figure, section.title)
    return drawn
