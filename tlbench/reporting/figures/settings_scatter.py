"""Cells against a setting: a scatter of any two columns, and all varying settings side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.findings.names import natural
from tlbench.reporting.figures.style import ROW, SMALL, caption, checked, look_of, width_of

UNSET = -0.2
"""Height at which a line passes an axis of a setting that its cell does not have."""
MOST = 2000
"""Lines of a figure of parallel axes; more are a smear."""


def scatter(table: pd.DataFrame, x: str, y: str, by: str = "method") -> Figure:
    """Draw one column over another, a colour and a shape for each value of `by`; words stand in their order on an axis.

    Raises:
        ValueError: no row has both.
    """
    known = checked(table.dropna(subset=[x, y]) if {x, y} <= set(table) else table, [x, y, by], (), "A scatter")
    names = sorted(map(str, known[by].unique()))
    size = (6.5 + width_of(names, SMALL) + 0.5, max(4.2, ROW * len(names) + 1.2))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    places = {name: _placed(known[name]) for name in (x, y)}
    for i, (name, own) in enumerate(known.groupby(by, sort=True)):
        at = own.index
        axes.scatter(places[x][0].loc[at], places[y][0].loc[at], s=26, label=str(name), alpha=0.8, **look_of(i + 1))
    for _, set_ticks, labels in ((x, axes.set_xticks, places[x][1]), (y, axes.set_yticks, places[y][1])):
        if labels:
            set_ticks(range(len(labels)), labels)
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    if len(values := known[x]) and not places[x][1] and (values > 0).all() and values.max() / values.min() >= 100:
        axes.set_xscale("log")
    figure.legend(loc="outside right upper", fontsize=SMALL, frameon=False)
    caption(figure, f"{len(known)} cells with both; {len(table) - len(known)} lack one of them.")
    return figure


def parallel(table: pd.DataFrame, columns: Sequence[str], score: str = "gain") -> Figure:
    """Draw a line a row through its values on parallel axes, the last being the score, which colours it: low orange, high blue.

    Raises:
        ValueError: no row has a score, or there is no column beside it.
    """
    known = checked(
        table.dropna(subset=[score]) if score in table else table, [*columns, score], (), "Parallel axes"
    ).head(MOST)
    if not columns:
        raise ValueError("Parallel axes need a setting that varies.")
    names = [*columns, score]
    figure = Figure(figsize=(max(6.0, 1.5 * len(names)), 4.2), layout="constrained")
    axes = figure.subplots()
    heights_RC = np.column_stack([_unit(known[name]) for name in names])
    shade = _unit(known[score])
    for row, tone in zip(heights_RC, shade, strict=True):
        axes.plot(range(len(names)), row, color=_colour(tone), linewidth=1.1, alpha=0.7)
    for place, name in enumerate(names):
        axes.axvline(place, color="0.8", linewidth=0.8, zorder=0)
        for height, text in _ends(known[name]):
            axes.text(
                place,
                height,
                text,
                fontsize=SMALL,
                ha="center",
                va="bottom" if height > 0.5 else "top",
                parse_math=False,
            )
    axes.set_xticks(range(len(names)), [name.replace(".", ".\n").replace("_", "_\n") for name in names], fontsize=SMALL)
    axes.set_ylim(-0.32, 1.12)
    axes.set_yticks([])
    caption(figure, f"A line a cell, {len(known)} of them; each axis from its least to its greatest value.")
    return figure


def _placed(values: pd.Series) -> tuple[pd.Series, list[str]]:
    """Return places on an axis, and its labels where the values are words."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().all() and values.map(type).ne(bool).all():
        return numbers, []
    labels = sorted({str(value) for value in values}, key=natural)
    return values.map(lambda value: labels.index(str(value))), labels


def _unit(values: pd.Series) -> np.ndarray:
    """Return (N,) heights from 0 to 1 of what is set; 0.5 where all are one; what is not set stands at UNSET, below."""
    known = values.dropna()
    places = _placed(known)[0].to_numpy(dtype=float)
    low, high = (places.min(), places.max()) if len(places) else (0.0, 0.0)
    heights = pd.Series(UNSET, index=values.index)
    heights[known.index] = 0.5 if high == low else (places - low) / (high - low)
    return heights.to_numpy(dtype=float)


def _ends(values: pd.Series) -> list[tuple[float, str]]:
    """Return heights and the words there: the greatest and the least value, and where what is not set stands."""
    known = values.dropna()
    places, labels = _placed(known)
    words = labels or [f"{places.min():.4g}", f"{places.max():.4g}"] if len(known) else []
    ends = [(0.5, words[0])] if len(set(words)) == 1 else [(1.0, words[-1]), (0.0, words[0])] if words else []
    return [*ends, (UNSET, "not set")] if len(known) < len(values) else ends


def _colour(tone: float) -> tuple[float, float, float]:
    """Return orange for 0, grey for a half, blue for 1."""
    orange, grey, blue = np.array([0.84, 0.37, 0.0]), np.array([0.7, 0.7, 0.7]), np.array([0.0, 0.45, 0.7])
    mixed = orange + (grey - orange) * 2 * tone if tone < 0.5 else grey + (blue - grey) * (2 * tone - 1)
    return float(mixed[0]), float(mixed[1]), float(mixed[2])
