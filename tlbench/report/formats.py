"""Markdown, CSV and LaTeX."""

from __future__ import annotations

import pandas as pd

from tlbench.report.analysis import Analysis
from tlbench.report.grid import Grid, Means, grids
from tlbench.report.section import points
from tlbench.report.words import cell_text, legend, n_tests

TEX_FLAGS = {"▼": r"$\blacktriangledown$", "▲": r"$\blacktriangle$", "○": r"$\circ$", "±": r"$\pm$", "–": "--",
             "≈": r"$\approx$"}  # fmt: skip
TEX_SPECIAL = {"\\": r"\textbackslash{}", **{c: f"\\{c}" for c in "&%$#_{}"}, "~": r"\textasciitilde{}", "^": r"\^{}"}


def to_markdown(found: Analysis) -> str:
    """A table for each block, the legend, and every section."""
    parts = ["# tlbench report", ""]
    for grid in grids(found.cells):
        parts += [f"## {grid.title}", ""]
        if grid.reference:
            parts += [f"Gains are over {grid.reference}.", ""]
        rows = [[pair, *[" · ".join(filter(None, _cell(grid, pair, m))) for m in grid.methods]] for pair in grid.pairs]
        rows += [[f"**{name}**", *[_average(means, m) for m in grid.methods]] for name, means in grid.averages.items()]
        parts += _table(["pair", *grid.methods], rows)
    if not found.cells.empty:
        parts += [legend(found.rule, n_tests(found.cells)), ""]
    for section in found.sections:
        parts += [f"## {section.title}", ""]
        for words in section.words:
            parts += [words, ""]
        if section.shown is not None:
            parts += _table(list(section.shown.columns), section.shown.astype(str).to_numpy().tolist())
    return "\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows), ""]


def to_latex(found: Analysis) -> str:
    """A booktabs table for each block; the best accuracy of a pair bold (ORACLE columns do not compete).

    Needs the packages booktabs and amssymb.
    """
    parts = [r"% needs \usepackage{booktabs,amssymb}"]
    for grid in grids(found.cells):
        caption = f"{grid.title}. " + (f"Gains over {grid.reference}. " if grid.reference else "")
        caption += legend(found.rule, n_tests(found.cells))
        parts += [
            r"\begin{table}",
            rf"\caption{{{_tex(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(grid.methods)}}}",
            r"\toprule",
            " & ".join(map(_tex, ["pair", *grid.methods])) + r" \\",
            r"\midrule",
        ]
        for pair in grid.pairs:
            best = _best(grid, pair)
            texts = []
            for method in grid.methods:
                accuracy, gain = (_tex(part) for part in _cell(grid, pair, method))
                shown = rf"\textbf{{{accuracy}}}" if method == best else accuracy
                texts.append(f"{shown} ({gain})" if gain else shown)
            parts.append(" & ".join([_tex(pair), *texts]) + r" \\")
        for name, means in grid.averages.items():
            parts += [r"\midrule", " & ".join([name, *[_tex(_average(means, m)) for m in grid.methods]]) + r" \\"]
        parts += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(parts)


def _cell(grid: Grid, pair: str, method: str) -> tuple[str, str]:
    cell = grid.cells.get((pair, method))
    return ("–", "") if cell is None else cell_text(cell)


def _average(means: Means, method: str) -> str:
    accuracy, gain = means[method]
    return points(accuracy) + ("" if pd.isna(gain) else f" · {points(gain, signed=True)}")


def _best(grid: Grid, pair: str) -> str | None:
    own = {
        m: c.score for m in grid.methods if (c := grid.cells.get((pair, m))) is not None and not c.uses_target_labels
    }
    known = {m: a for m, a in own.items() if not pd.isna(a)}
    return max(known, key=lambda m: known[m]) if known else None


def _row(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _tex(text: str) -> str:
    escaped = "".join(TEX_SPECIAL.get(character, character) for character in text)
    for sign, command in {**TEX_FLAGS, "·": r"$\cdot$"}.items():
        escaped = escaped.replace(sign, command)
    return escaped
