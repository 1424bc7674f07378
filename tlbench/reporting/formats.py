"""Markdown, CSV and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from tlbench.findings.grid import Grid, Means, folded, folded_table, grids
from tlbench.findings.number_format import points
from tlbench.findings.overview import Overview, overview
from tlbench.reporting.analysis import Analysis
from tlbench.reporting.words import average_text, cell_text, glance_texts, legend, warning_text

TEX_FLAGS = {"▼": r"$\blacktriangledown$", "▲": r"$\blacktriangle$", "○": r"$\circ$", "≈": r"$\approx$"}
TEX_SIGNS = {"±": r"$\pm$", "–": "--", "·": r"$\cdot$"}
TEX_SPECIAL = {"\\": r"\textbackslash{}", **{c: f"\\{c}" for c in "&%$#_{}"}, "~": r"\textasciitilde{}", "^": r"\^{}"}
TEX = str.maketrans(TEX_SPECIAL | TEX_FLAGS | TEX_SIGNS)


def to_markdown(found: Analysis) -> str:
    """Write a table for each block, the legend, and every section. Names that look like HTML are shown, not rendered."""
    # Markdown passes HTML through: a name out of a store must not become an element of a page
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", "\n".join(_markdown(found)))


def _markdown(found: Analysis) -> list[str]:
    parts = ["# tlbench report", "", *_overview(overview(found.evidence))]
    for grid in grids(found.evidence.cells):
        parts += [f"## {grid.title}", ""]
        if grid.reference:
            parts += [f"Gains are over {grid.reference}.", ""]
        for methods in folded(grid.methods):
            rows = [
                [
                    pair,
                    *[" · ".join(filter(None, [*cell_text(c), warning_text(c)])) for c in _row_of(grid, pair, methods)],
                ]
                for pair in grid.pairs
            ]
            rows += [[f"**{name}**", *[_average(means, m) for m in methods]] for name, means in grid.averages.items()]
            parts += _table(["pair", *methods], rows)
    if not found.evidence.cells.empty:
        parts += [legend(found.evidence), ""]
    for section in found.sections:
        parts += [f"## {section.title}", ""]
        for words in section.words:
            parts += [words, ""]
        if section.shown is not None:
            for part in folded_table(section.shown):
                parts += _table(list(part.columns), part.astype(str).to_numpy().tolist())
    return parts


def _overview(first: Overview) -> list[str]:
    """Write the answer in short: headline, what was run, each method, what is missing."""
    parts = [first.headline, "", *(f"* {name}: {text}" for name, text in first.facts), ""]
    if len(first.methods):
        shown = glance_texts(first.methods)
        parts += _table(list(shown.columns), shown.to_numpy().tolist())
    for sign, told in (("▼ Hurt", first.negative), ("▲ Helped", first.positive)):
        parts += [f"* {sign}: {c.method} on {c.text}" + (f"; cause: {c.cause}" if c.cause else "") for c in told]
    return [*parts, *(f"* Not complete: {text}" for text in first.missing), ""]


def _row_of(grid: Grid, pair: str, methods: Sequence[str]) -> list[Any]:
    return [grid.cells.get((pair, method)) for method in methods]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows), ""]


def to_latex(found: Analysis) -> str:
    """Write a booktabs table for each block, its caption with protocol and selection.

    Of a pair the best accuracy is bold, the second best underlined (ORACLE columns do not compete), gains that are negative
    beyond noise are in italics with their sign.

    Needs the packages booktabs and amssymb.
    """
    parts = [r"% needs \usepackage{booktabs,amssymb}"]
    laid = [replace(g, methods=methods) for g in grids(found.evidence.cells) for methods in folded(g.methods)]
    for number, grid in enumerate(laid, 1):
        caption = f"{grid.title}. " + (f"Gains over {grid.reference}. " if grid.reference else "")
        caption += "Best of a pair in bold, second underlined; negative beyond noise in italics. "
        caption += legend(found.evidence)
        parts += [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{_tex(caption)}}}",
            rf"\label{{tab:tlbench-{number}}}",
            rf"\begin{{tabular}}{{l{'r' * len(grid.methods)}}}",
            r"\toprule",
            " & ".join(map(_tex, ["pair", *grid.methods])) + r" \\",
            r"\midrule",
        ]
        for pair in grid.pairs:
            places = _places(grid, pair)
            texts = []
            for method in grid.methods:
                cell = grid.cells.get((pair, method))
                accuracy, gain = map(_tex, cell_text(cell))
                shown = rf"\{places[method]}{{{accuracy}}}" if method in places else accuracy
                if cell is not None and cell.flag == "negative":
                    gain = rf"\textit{{{gain}}}"
                beside = ", ".join(filter(None, [gain, _tex(warning_text(cell))]))
                texts.append(f"{shown} ({beside})" if beside else shown)
            parts.append(" & ".join([_tex(pair), *texts]) + r" \\")
        for name, means in grid.averages.items():
            parts += [r"\midrule", " & ".join([name, *[_tex(_average(means, m)) for m in grid.methods]]) + r" \\"]
        parts += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(parts)


def _average(means: Means, method: str) -> str:
    return " · ".join(filter(None, average_text(*means[method])))


def _places(grid: Grid, pair: str) -> dict[str, str]:
    """Return how a method's accuracy is set: all that share the best, and, where one alone is best, all that share the second."""
    own = {
        m: points(c.score)
        for m in grid.methods
        if (c := grid.cells.get((pair, m))) is not None and not c.uses_target_labels and not pd.isna(c.score)
    }
    values = sorted({float(text) for text in own.values()}, reverse=True)
    best = {m: "textbf" for m, text in own.items() if values and float(text) == values[0]}
    second = {m: "underline" for m, text in own.items() if len(values) > 1 and float(text) == values[1]}
    return best if len(best) > 1 else best | second


def _row(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _tex(text: str) -> str:
    return re.sub(r"(?<![\w$-])-(?=\d)", "$-$", text.translate(TEX))  # a minus, not the hyphen of a name
