"""Gain against cost: which methods nothing else beats at their price."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import Locator, LogLocator, MaxNLocator, NullFormatter

from tlbench.findings.costs import COLUMNS, COSTS
from tlbench.findings.names import rule_name
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import QUIET, ROW, SMALL, WIN, caption, checked, counted, level, names_of, width_of

LABELS = {
    "train_seconds": "training time of a run (s, log scale)",
    "peak_memory_mb": "peak memory of the process (MB, log scale)",
}
ALL_NAMED = 10
"""Methods up to which those that are beaten are named too."""


def gain_over_cost(table: pd.DataFrame, rule: Rule) -> Figure:
    """Draw the mean gain over the pairs against training time, and against peak memory; the Pareto fronts are joined and named.

    Filled points are on the front. Those that are beaten are open, and named where there are few methods.

    Args:
        table: `costs.cost_table`'s, one row a method.

    Raises:
        ValueError: no row, a column lacking, a method given twice, or a cost that is not above zero.
    """
    checked(table, COLUMNS, ["method"], "A figure of costs")
    if not (table[list(COSTS)] > 0).all(axis=None):
        raise ValueError("A log axis needs costs above zero.")
    named = [table[f"front_{cost}"] | (len(table) <= ALL_NAMED) for cost in COSTS]
    heights = [max(3.6, 1.3 * ROW * int(own.sum())) for own in named]
    figure = Figure(figsize=(6.0 + width_of(table["method"], SMALL), sum(heights) + 1.0), layout="constrained")
    panels = figure.subplots(2, 1, height_ratios=heights)
    for axes, cost, own, height in zip(panels, COSTS, named, heights, strict=True):
        _panel(axes, table, cost, f"gain over {names_of(table['reference'])} (points)")
        _names(axes, table[own], cost, height)
    pairs, seeds = counted(table["n_pairs"], "pairs"), counted(table["n_seeds"], "seeds")
    beaten = " Open points are not named: another method gains as much at no more cost."
    open_ = beaten if len(table) > ALL_NAMED else ""
    caption(
        figure,
        f"Means over {pairs}, {seeds} each; bars: {level(rule.alpha)} intervals of the pairs, combined as independent; costs: "
        f"medians over runs. Filled and joined: the Pareto front.{open_} Costs compare on one machine only. Selection "
        f"{rule_name(rule.selection)}.",
    )
    return figure


def _panel(axes: Axes, table: pd.DataFrame, cost: str, gain_label: str) -> None:
    front = table[f"front_{cost}"].astype(bool)
    for own, colour, face in ((table[~front], QUIET, "white"), (table[front].sort_values(cost), WIN, WIN)):
        look: dict[str, Any] = {"color": colour, "markerfacecolor": face, "label": "front" if face == WIN else "beaten"}
        axes.errorbar(
            own[cost], own["gain"], own["gain_half"], fmt="o", markersize=6, elinewidth=0.9, capsize=2, **look
        )
    best = table[front].sort_values([cost, "gain"])
    axes.step(best[cost], best["gain"], where="post", color=WIN, linewidth=1.0, linestyle=(0, (4, 2)), label="_step")
    axes.axhline(0.0, color="0.2", linewidth=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_xlim(table[cost].min() / 1.3, table[cost].max() * 1.3)
    axes.xaxis.set_major_locator(_ticks(table[cost].max() / table[cost].min()))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(LABELS[cost])
    axes.set_ylabel(gain_label, parse_math=False)
    axes.grid(color="0.93", linewidth=0.6)
    axes.set_axisbelow(True)


def _ticks(reach: float) -> Locator:
    """Place round numbers, few enough that they do not meet, on an axis from x to reach * x."""
    if reach < 10:
        return MaxNLocator(5)
    return LogLocator(subs=(1.0,) if reach > 300 else (1.0, 2.0, 5.0))


def _names(axes: Axes, own: pd.DataFrame, cost: str, height: float) -> None:
    """Write names on the right in the order of the gains, each with a line to its point, none on another."""
    own = own.sort_values("gain").reset_index(drop=True)
    axes.set_ylim(axes.get_ylim())  # fixed, so that places inside the axes are known
    inside = axes.transAxes
    into = axes.transData + inside.inverted()
    points = into.transform(own[[cost, "gain"]].to_numpy(float))
    places = _apart(points[:, 1], ROW / height / 0.85)
    longest = own["method"].astype(str).str.len().idxmax()
    for i, (name, (x, y), place) in enumerate(zip(own["method"], points, places, strict=True)):
        text = axes.text(1.03, place, str(name), transform=inside, fontsize=SMALL, va="center", parse_math=False)
        text.set_in_layout(i in (longest, len(own) - 1))
        line: dict[str, Any] = {"color": "0.6", "linewidth": 0.6, "zorder": 0.8, "clip_on": False}
        axes.plot([x, 1.02], [y, place], transform=inside, label="_to", **line)


def _apart(places: np.ndarray, step: float) -> np.ndarray:
    """Return rising places at least a step apart, moved as little as a sweep up and one down do, inside 0 to 1 where they fit."""
    found = places.copy()
    for i in range(1, len(found)):
        found[i] = max(found[i], found[i - 1] + step)
    top = max(1.0, step * (len(found) - 1))
    for i in range(len(found) - 1, -1, -1):
        found[i] = min(found[i], top - step * (len(found) - 1 - i))
    return found
