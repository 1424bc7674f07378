"""What the atlas leaves in its folder beside the table: the page, its figures, the holes, and the numbers of docs/atlas.md."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tlbench.aside import replacing
from tlbench.atlas.atlas_cells import atlas_cells, default_cells, plain_cells
from tlbench.atlas.atlas_page import page
from tlbench.atlas.atlas_words import Atlas
from tlbench.atlas.foresight import foresight
from tlbench.atlas.guide import renewed
from tlbench.atlas.harm import gains_by_place
from tlbench.atlas.holes import read_holes, write_holes
from tlbench.paths import results_dir

FINE_TUNED = "frozen_lite0/fine_tuned.csv"
"""Cells of networks whose last stages were trained, beside the same with all stages frozen."""
GUIDE = "atlas.md"


def write_pages(folder: Path, rows: pd.DataFrame, holes: pd.DataFrame | None = None) -> None:
    """Write README.md, figures and holes into the folder of the atlas, and renew docs/atlas.md where the folder is a checkout's.

    Args:
        rows: of `atlas_rows`.
        holes: of `holes_of`; None: those that the folder names, but for what is there now.
    """
    known = read_holes(folder) if holes is None else holes
    found = Atlas(rows, atlas_cells(rows), known[~known["run_key"].isin(rows["run_key"])], _fine_tuned())
    folder.mkdir(parents=True, exist_ok=True)
    write_holes(folder, found.holes)
    _write(folder / "README.md", page(found))
    _draw(folder, found)
    guide = folder.parent.parent / "docs" / GUIDE
    if folder.resolve() == (results_dir() / "atlas").resolve() and guide.exists():
        _write(guide, renewed(guide.read_text("utf-8"), found))


def _fine_tuned() -> pd.DataFrame:
    path = results_dir() / FINE_TUNED
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def _draw(folder: Path, found: Atlas) -> None:
    # matplotlib takes a second to import
    from tlbench.atlas.atlas_figures import gain_map, warning_bars
    from tlbench.reporting.figures.style import as_svg

    wide = gains_by_place(plain_cells(found.cells))
    if len(wide):
        _write(folder / "gains.svg", as_svg(gain_map(wide)))
    told = foresight(default_cells(found.cells))
    if len(told):
        _write(folder / "foresight.svg", as_svg(warning_bars(told)))


def _write(path: Path, text: str) -> None:
    with replacing(path) as aside:
        aside.write_text(text, "utf-8")
