"""The report as one HTML file that needs nothing else: no script, no request."""

from __future__ import annotations

from typing import Any

import jinja2
import pandas as pd

from tlbench.report.figures import as_svg, gain_heat_map
from tlbench.report.grid import Grid, grids
from tlbench.report.words import FLAGS, MEANING, cell_text, legend, method_name, plus_minus, unanimous


def to_html(cells: pd.DataFrame, runs: pd.DataFrame, selection: str, alpha: float, provenance: dict[str, Any]) -> str:
    """The page: what was run, what hurt, what helped, what is missing; then tables and heat maps.

    Args:
        cells: `summarise`'s table.
        runs: tidy table; its failed and skipped rows are listed.
        provenance: versions and the like, shown at the foot.
    """
    loader = jinja2.PackageLoader("tlbench.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    bad = runs[runs["status"] != "done"]
    return environment.get_template("report.html.j2").render(
        blocks=[_block(grid) for grid in grids(cells)],
        negative=_flagged(cells, "negative"),
        positive=_flagged(cells, "positive"),
        alone={flag: [] if cells.empty else _told(unanimous(cells, flag)) for flag in ("negative", "positive")},
        holes=[] if cells.empty else [(method_name(c), c) for c in cells[cells["hole"] != ""].itertuples()],
        n_gains=0 if cells.empty else int(cells["gain"].notna().sum()),
        n_cells=len(cells),
        n_runs=int((runs["status"] == "done").groupby(runs["run_key"]).first().sum()) if len(runs) else 0,
        few=bool(len(cells)) and int(cells["n_seeds"].max()) < 5,
        bad=bad.groupby(["status", "reason"], dropna=False).size().reset_index(name="n").to_dict("records"),
        legend=legend(alpha, 0 if cells.empty else int(cells["n_tests"].iloc[0]), selection),
        meaning=[(FLAGS[flag], text) for flag, text in MEANING.items()],
        oracle=selection == "oracle",
        provenance=provenance,
    )


def _flagged(cells: pd.DataFrame, flag: str) -> list[dict[str, Any]]:
    if cells.empty:
        return []
    return _told(cells[cells["flag"] == flag].sort_values("gain", ascending=flag == "negative"))


def _told(found: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "method": method_name(cell),
            "where": f"{cell.dataset}, {cell.pair}",
            "gain": plus_minus(cell.gain, cell.gain_half, signed=True),
            "reference": cell.reference,
            "p": f"{cell.p_holm:.2g}",
            "n": cell.n_seeds,
        }
        for cell in found.itertuples()
    ]


def _block(grid: Grid) -> dict[str, Any]:
    figure = gain_heat_map(grid)
    rows = []
    for pair in grid.pairs:
        found = [grid.cells.get((pair, method)) for method in grid.methods]
        rows.append((pair, [("–", "", "") if c is None else (*cell_text(c), c.flag) for c in found]))
    averages = [
        (plus_minus(accuracy, float("nan")), "" if pd.isna(gain) else f"{gain:+.1f}")
        for accuracy, gain in (grid.average[method] for method in grid.methods)
    ]
    svg = None if figure is None else as_svg(figure)
    return {
        "title": grid.title,
        "methods": grid.methods,
        "reference": grid.reference,
        "rows": rows,
        "averages": averages,
        "svg": svg,
    }
