"""Figures: a summary in, a matplotlib figure out."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from tlbench.report.grid import Grid
from tlbench.report.words import FLAGS

SIGN = {"▼": "\u25bc", "▲": "\u25b2", "○": "\u25cb", "?": "?"}


def gain_heat_map(grid: Grid) -> Figure | None:
    """Mean gain (percentage points) of each pair and method with its flag; None where the block has no gain.

    Orange is loss, blue is gain (safe for the colour-blind); the flag says the same by its shape.
    """
    methods = [m for m in grid.methods if any(_gain(grid, pair, m)[0] is not None for pair in grid.pairs)]
    if not methods:
        return None
    gains = np.array([[_number(grid, pair, method) for method in methods] for pair in grid.pairs])
    reach = max(1.0, float(np.nanmax(np.abs(gains))))
    figure = Figure(figsize=(2.6 + 1.25 * len(methods), max(3.0, 1.3 + 0.5 * len(grid.pairs))), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(gains, cmap="PuOr", norm=TwoSlopeNorm(0.0, -reach, reach), aspect="auto")
    axes.set_xticks(range(len(methods)), methods, rotation=20, ha="right")
    axes.set_yticks(range(len(grid.pairs)), grid.pairs)
    for i, pair in enumerate(grid.pairs):
        for j, method in enumerate(methods):
            gain, flag = _gain(grid, pair, method)
            text = "no data" if gain is None else f"{gain:+.1f} {SIGN.get(FLAGS[flag], '')}"
            dark = gain is not None and abs(gain) > 0.6 * reach
            axes.text(j, i, text, ha="center", va="center", fontsize=9, color="white" if dark else "black")
    axes.set_xlabel("method")
    axes.set_ylabel("source-target pair")
    figure.colorbar(shown, ax=axes, label=f"gain over {grid.reference} (points)")
    return figure


def as_svg(figure: Figure) -> str:
    """The figure as an SVG element, letters as outlines, without a date or a random name in it."""
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "tlbench"}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _gain(grid: Grid, pair: str, method: str) -> tuple[float | None, str]:
    cell = grid.cells.get((pair, method))
    if cell is None or pd.isna(cell.gain):
        return None, ""
    return float(cell.gain), cell.flag


def _number(grid: Grid, pair: str, method: str) -> float:
    gain, _ = _gain(grid, pair, method)
    return float("nan") if gain is None else gain
