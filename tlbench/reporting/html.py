"""The report as one HTML file that needs nothing else: no script, no request."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

import jinja2
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from tlbench.findings.flags import FLAGS, MEANING
from tlbench.findings.grid import Grid, folded, folded_table
from tlbench.findings.overview import overview
from tlbench.reporting.analysis import Analysis
from tlbench.reporting.figures.glance import glance
from tlbench.reporting.figures.style import as_svg
from tlbench.reporting.pictures import CAPTIONS, blocks
from tlbench.reporting.section import Draw, Section
from tlbench.reporting.words import average_text, cell_text, glance_texts, legend, warned_words, warning_text
from tlbench.transfer.crossed_gain import CORRECTIONS

Captioned = tuple[str, str]
"""A caption and an SVG element."""
SHOWN = 5
"""Entries of a list on the first screen; how many more there are is said, and the tables have them all."""
MANY = 40
"""Figures from which a process per core pays for its start: that takes as long as ten figures."""


def to_html(found: Analysis, provenance: dict[str, Any]) -> str:
    """Render the page: what was run, what hurt and why, what helped, what is missing; then figures, tables and sections.

    Args:
        provenance: versions and the like, shown at the foot.
    """
    loader = jinja2.PackageLoader("tlbench.reporting")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    evidence, rule = found.evidence, found.evidence.rule
    cells, runs = evidence.cells, evidence.runs
    first, laid = overview(evidence), blocks(evidence)
    parts = [(CAPTIONS[name], draw) for _, figures in laid for name, draw in figures.items()]
    parts += [(s.captions.get(name, s.title), draw) for s in found.sections for name, draw in s.figures.items()]
    top = _svg(partial(glance, first.gains, rule)) if len(first.gains) else None
    drawn = iter(list(zip([caption for caption, _ in parts], as_svgs([draw for _, draw in parts]), strict=True)))
    shown = [_block(grid, list(islice(drawn, len(figures)))) for grid, figures in laid]
    sections = [_section(section, list(islice(drawn, len(section.figures)))) for section in found.sections]
    return environment.get_template("report.html.j2").render(
        first=first,
        top=top,
        glance=_table(glance_texts(first.methods)) if len(first.methods) else None,
        shown=SHOWN,
        blocks=shown,
        collapsed=len(evidence.collapsed),
        n_cells=len(cells),
        n_runs=int((runs["status"] == "done").groupby(runs["run_key"]).first().sum()) if len(runs) else 0,
        few=bool(len(cells)) and int(cells["n_seeds"].max()) < 5 and bool(cells["draws"].any()),
        legend=legend(evidence),
        warned=warned_words(evidence),
        correction=CORRECTIONS[rule.correction],
        meaning=[(FLAGS[flag], text) for flag, text in MEANING.items()],
        sections=sections,
        oracle=rule.selection == "oracle",
        provenance=provenance,
    )


def _table(table: pd.DataFrame | None) -> dict[str, Any]:
    parts = [] if table is None else folded_table(table)
    return {"parts": [{"head": list(part.columns), "rows": part.astype(str).to_numpy().tolist()} for part in parts]}


def as_svgs(draws: Sequence[Draw]) -> list[str]:
    """Draw each figure as an SVG element; many in a process per core."""
    if len(draws) < MANY:
        return [_svg(draw) for draw in draws]
    return Parallel(n_jobs=min(cpu_count(), 8))(delayed(_svg)(draw) for draw in draws)


def _svg(draw: Draw) -> str:
    return as_svg(draw())


def _section(section: Section, figures: Sequence[Captioned]) -> dict[str, Any]:
    about = {"name": section.name, "title": section.title, "words": section.words, "figures": figures}
    return {**about, **_table(section.shown)}


def _block(grid: Grid, figures: Sequence[Captioned]) -> dict[str, Any]:
    tables = [_part(grid, methods) for methods in folded(grid.methods)]
    return {"title": grid.title, "reference": grid.reference, "tables": tables, "figures": figures}


def _part(grid: Grid, methods: Sequence[str]) -> dict[str, Any]:
    rows = []
    for pair in grid.pairs:
        found = [grid.cells.get((pair, method)) for method in methods]
        rows.append((pair, [(*cell_text(c), warning_text(c), "" if c is None else c.flag) for c in found]))
    averages = [(name, [average_text(*means[m]) for m in methods]) for name, means in grid.averages.items()]
    return {"methods": methods, "rows": rows, "averages": averages}
