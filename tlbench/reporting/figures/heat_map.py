"""Figure of gains, pair by method: where transfer hurts and where it helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.findings.gains import COLUMNS
from tlbench.findings.names import rule_name
from tlbench.findings.number_format import points
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import caption, checked, counted, level, names_of, shaded_cells, sign, width_of
from tlbench.transfer.crossed_gain import CORRECTIONS

CELL_WIDTH, CELL_HEIGHT = 0.66, 0.36
"""Inches of a cell with two lines of text."""


def gain_heat_map(table: pd.DataFrame, rule: Rule) -> Figure:
    """Draw the mean gain (points), the half width of its interval and the flag of each pair and method.

    Orange is loss, blue is gain (safe for the colour-blind); the number's sign and the flag say the same without colour.

    Args:
        table: `gains.gain_table`'s, one row a pair and method; a combination without a row or a gain is an empty cell.

    Raises:
        ValueError: no row, a column lacking, a pair and method given twice, or no gain at all.
    """
    checked(table, COLUMNS, ["pair", "method"], "A heat map of gains")
    if table["gain"].isna().all():
        raise ValueError("A heat map of gains needs a gain, and every row lacks one.")
    pairs, methods = list(dict.fromkeys(table["pair"])), list(dict.fromkeys(table["method"]))
    wide = [table.pivot(index="pair", columns="method", values=name).loc[pairs, methods] for name in COLUMNS[2:5]]
    gains, halves, flags = (values.to_numpy() for values in wide)
    texts = [_text(*cell) for cell in zip(gains.flat, halves.flat, flags.flat, strict=True)]
    figure = Figure(figsize=_size(pairs, methods), layout="constrained")
    axes = figure.subplots()
    shown = shaded_cells(axes, gains.astype(np.float64), texts)
    upright = width_of(methods, 9) > CELL_WIDTH
    axes.set_xticks(range(len(methods)), methods, fontsize=9, rotation=90 if upright else 0, parse_math=False)
    axes.set_yticks(range(len(pairs)), pairs, fontsize=9, parse_math=False)
    axes.set_xlabel("method")
    axes.set_ylabel("source-target pair")
    bar = figure.colorbar(shown, ax=axes, fraction=0.05, aspect=25, shrink=min(1.0, 6 / figure.get_figheight()))
    bar.set_label(f"gain over {names_of(table['reference'])} (points)", parse_math=False)
    caption(figure, _words(table, rule))
    return figure


def _size(pairs: list[str], methods: list[str]) -> tuple[float, float]:
    names = width_of(methods, 9)
    below = names if names > CELL_WIDTH else 0.2
    height = max(2.6, CELL_HEIGHT * len(pairs)) + below + 1.2
    return max(4.5, CELL_WIDTH * len(methods)) + width_of(pairs, 9) + 1.8, height


def _text(gain: float, half: float, flag: object) -> str:
    if pd.isna(gain):
        return "–"
    text = f"{points(gain, signed=True)}{sign(str(flag))}"
    return text if pd.isna(half) else f"{text}\n±{half:.1f}"


def _words(table: pd.DataFrame, rule: Rule) -> str:
    return (
        f"Mean over {counted(table['n_seeds'], 'seeds')} ± half width of the {level(rule.alpha)} interval (seeds and test "
        f"examples random, not corrected); selection {rule_name(rule.selection)}. ▼ negative, ▲ positive "
        f"({CORRECTIONS[rule.correction]} at level {rule.alpha:g}), ≈ within ±{rule.margin:g}, ○ inconclusive, ? fewer than "
        "three seeds, – no gain."
    )
