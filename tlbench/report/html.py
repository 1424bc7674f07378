"""The report as one HTML file that needs nothing else: no script, no request."""

from __future__ import annotations

from typing import Any

import jinja2
import pandas as pd

from tlbench.report.analysis import Analysis
from tlbench.report.cells import Rule
from tlbench.report.figures.heat_map import gain_heat_map
from tlbench.report.figures.style import as_svg
from tlbench.report.gains import gain_table
from tlbench.report.grid import Grid, grids
from tlbench.report.section import Section, p_text, points
from tlbench.report.words import FLAGS, MEANING, cell_text, legend, method_name, n_tests, plus_minus, unanimous
from tlbench.transfer.cells import CORRECTIONS


def to_html(found: Analysis, provenance: dict[str, Any]) -> str:
    """The page: what was run, what hurt and why, what helped, what is missing; then tables, heat maps and sections.

    Args:
        provenance: versions and the like, shown at the foot.
    """
    loader = jinja2.PackageLoader("tlbench.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    cells, runs, rule = found.cells, found.runs, found.rule
    bad = runs[runs["status"] != "done"]
    methods = cells if cells.empty else cells[cells["role"] == "method"]
    why = dict(zip(found.causes["cell_key"], found.causes["cause"], strict=True))
    return environment.get_template("report.html.j2").render(
        blocks=[_block(grid, rule) for grid in grids(cells)],
        negative=_flagged(methods, "negative", why),
        positive=_flagged(methods, "positive", why),
        alone={flag: [] if cells.empty else _told(unanimous(cells, flag), why) for flag in ("negative", "positive")},
        collapsed=len(found.collapsed),
        holes=[] if cells.empty else [(method_name(c), c) for c in cells[cells["hole"] != ""].itertuples()],
        n_gains=0 if cells.empty else int(methods["gain"].notna().sum()),
        n_cells=len(cells),
        n_runs=int((runs["status"] == "done").groupby(runs["run_key"]).first().sum()) if len(runs) else 0,
        n_older=found.n_older,
        few=bool(len(cells)) and int(cells["n_seeds"].max()) < 5,
        bad=bad.groupby(["status", "reason"], dropna=False).size().reset_index(name="n").to_dict("records"),
        legend=legend(rule, 0 if cells.empty else n_tests(cells)),
        correction=CORRECTIONS[rule.correction],
        meaning=[(FLAGS[flag], text) for flag, text in MEANING.items()],
        sections=[_section(section) for section in found.sections],
        oracle=rule.selection == "oracle",
        provenance=provenance,
    )


def _section(section: Section) -> dict[str, Any]:
    table = section.shown
    return {
        "name": section.name,
        "title": section.title,
        "words": section.words,
        "figures": [as_svg(figure) for figure in section.figures.values()],
        "head": [] if table is None else list(table.columns),
        "rows": [] if table is None else table.astype(str).to_numpy().tolist(),
    }


def _flagged(cells: pd.DataFrame, flag: str, why: dict[str, str]) -> list[dict[str, Any]]:
    if cells.empty:
        return []
    return _told(cells[cells["flag"] == flag].sort_values("gain", ascending=flag == "negative"), why)


def _told(found: pd.DataFrame, why: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "method": method_name(cell),
            "where": f"{cell.dataset}, {cell.pair}, {cell.protocol}",
            "gain": plus_minus(cell.gain, cell.gain_half, signed=True),
            "reference": cell.reference,
            "p": p_text(cell.p_corrected),
            "cause": why.get(cell.cell_key, ""),
            "n": cell.n_seeds,
        }
        for cell in found.itertuples()
    ]


def _block(grid: Grid, rule: Rule) -> dict[str, Any]:
    rows = []
    for pair in grid.pairs:
        found = [grid.cells.get((pair, method)) for method in grid.methods]
        rows.append((pair, [("–", "", "") if c is None else (*cell_text(c), c.flag) for c in found]))
    averages = [
        (name, [(points(a), "" if pd.isna(g) else points(g, signed=True)) for a, g in (means[m] for m in grid.methods)])
        for name, means in grid.averages.items()
    ]
    gains = gain_table(grid)
    svg = as_svg(gain_heat_map(gains, rule)) if gains["gain"].notna().any() else None
    return {
        "title": grid.title,
        "methods": grid.methods,
        "reference": grid.reference,
        "rows": rows,
        "averages": averages,
        "svg": svg,
    }
