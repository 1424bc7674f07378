"""Figure of scores and gains along an axis: labelled target examples, unlabelled ones, source examples."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.reporting.figures.style import DASHES, caption, checked, counted, level, look_of, width_of

COLUMNS = ["method", "x", "x_order", "score", "score_half", "gain", "gain_half", "seeds"]
WIDTH = 0.5
"""Part of a category's width over which the methods' points are spread."""


def label_efficiency(
    table: pd.DataFrame,
    *,
    x_label: str = "labelled target examples per class",
    score_label: str = "score (points)",
    alpha: float = 0.05,
    words: str = "",
) -> Figure:
    """Draw the mean score and mean gain of each method along x, with intervals; single runs as faint points.

    Values of x are evenly spaced, in the order of `x_order`. A line ends where a method has no value, and is not drawn
    across. Up to five methods differ in colour, in marker and in dashes, so any one of these tells them apart in print; more
    differ in the three together.

    Args:
        table: `efficiency.curve_table`'s, one row a method and x: `x` (text), `x_order` (number), `score` and `gain` with half
            widths in points (nan where unknown), `seeds` (list of the runs' scores).
        x_label: what x is: labelled or unlabelled target examples, source examples.
        score_label: what the score is, with its unit.
        alpha: 1 - level of the intervals.
        words: selection and reference, for the line under the figure, which says the intervals and n.

    Raises:
        ValueError: no row, a column lacking, a method given twice at one x, an x with two places in the order.
    """
    _check(table)
    places = table.drop_duplicates("x").sort_values("x_order", kind="stable")["x"].tolist()
    methods = table["method"].drop_duplicates().tolist()
    width = 2 * (1.6 + 0.5 * len(places)) + 1.0 + width_of(methods, 9) + 0.4
    figure = Figure(figsize=(max(8.0, width), max(4.0, 1.5 + 0.22 * len(methods))), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True)
    for i, method in enumerate(methods):
        rows = table[table["method"] == method].set_index("x").reindex(places)
        at = np.arange(len(places)) + WIDTH * ((i + 0.5) / len(methods) - 0.5)
        for axes, value in zip(panels, ("score", "gain"), strict=True):
            _line(axes, at, rows[value], rows[f"{value}_half"], i, str(method))
        _seeds(panels[0], at + 0.3 * WIDTH / len(methods), rows["seeds"], i)
    _label(panels, places, x_label, score_label)
    key = panels[0].get_legend_handles_labels()
    figure.legend(*key, loc="outside right upper", frameon=False, fontsize=9, handlelength=3.5)
    runs = counted(map(np.size, table["seeds"]), "runs") or "runs"
    told = f"Means over {runs}, bars: {level(alpha)} t intervals over runs, faint points: runs. {words}"
    caption(figure, told.strip())
    return figure


def _line(axes: Axes, at: np.ndarray, value: pd.Series, half: pd.Series, i: int, name: str) -> None:
    look = {**look_of(i), "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.3, "markersize": 5}
    mean, bars = value.to_numpy(np.float64), half.to_numpy(np.float64)
    axes.errorbar(at, mean, yerr=bars, elinewidth=0.9, capsize=2.5, label=name, **look)


def _seeds(axes: Axes, at: np.ndarray, seeds: pd.Series, i: int) -> None:
    runs = [(x, score) for x, scores in zip(at, seeds, strict=True) if np.ndim(scores) == 1 for score in scores]
    if runs:
        x_R, score_R = np.array(runs).T
        axes.scatter(x_R, score_R, s=9, color=look_of(i)["color"], alpha=0.5, linewidths=0, zorder=1)


def _label(panels: np.ndarray, places: list[str], x_label: str, score_label: str) -> None:
    for axes, y_label in zip(panels, (score_label, "gain (points)"), strict=True):
        axes.set_xticks(range(len(places)), places)
        axes.set(xlim=(-0.6, len(places) - 0.4), xlabel=x_label, ylabel=y_label)
        axes.grid(axis="y", color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
    panels[1].axhline(0.0, color="0.4", linewidth=0.8, zorder=0)


def _check(table: pd.DataFrame) -> None:
    checked(table, COLUMNS, ["method", "x"], "A curve")
    orders = table.groupby("x")["x_order"].nunique(dropna=False)
    if (orders > 1).any():
        raise ValueError(f"Each x has one place in the order, got more for {orders[orders > 1].index.tolist()}.")
