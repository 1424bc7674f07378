"""The gains of a block of cells as the table that figures of gains take."""

from __future__ import annotations

import pandas as pd

from tlbench.findings.grid import Grid
from tlbench.findings.paired import SEEDS

COLUMNS = ["pair", "method", "gain", "gain_half", "flag", "n_seeds", "reference"]


def gain_table(grid: Grid, runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pair and method of a block, in the block's order; methods that have no gain on any pair are left out.

    Args:
        runs: rows of the tidy table that have a gain (`cells.compared`).

    Returns:
        COLUMNS: method (as tables print it), gain and gain_half (points; nan where the cell is a hole or has one seed), flag,
        n_seeds, reference; and SEEDS: the gains of the cell's runs, by seed. No row for a pair and method that were not
        planned.
    """
    of_cell: dict[str, list[float]] = {}
    for key, gain in runs[["seed", "cell_key", "gain"]].sort_values("seed")[["cell_key", "gain"]].to_numpy():
        of_cell.setdefault(key, []).append(gain)
    known = {method for (_, method), cell in grid.cells.items() if not pd.isna(cell.gain)}
    rows = [
        (pair, method, *(getattr(cell, name) for name in COLUMNS[2:]), of_cell.get(cell.cell_key, []))
        for pair in grid.pairs
        for method in grid.methods
        if method in known and (cell := grid.cells.get((pair, method))) is not None
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, SEEDS])
