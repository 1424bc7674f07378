"""Does a distance between the domains predict the gain?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tlbench.findings.names import rule_name
from tlbench.findings.number_format import number, p_equals
from tlbench.findings.predictors import GAIN_COLUMNS
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import ROW, SMALL, caption, checked, counted, level, look_of, names_of, width_of

FILLED = ("negative", "positive")


def gain_over_distance(table: pd.DataFrame, rule: Rule, distance_label: str) -> Figure:
    """Draw one point a pair and method, with the gain's interval; each method's rank correlation with its n in the legend.

    A filled point is flagged (below zero negative, above it positive), an open one is not.

    Args:
        table: `predictors.gain_by_distance`'s.
        distance_label: name and unit of the distance, such as `proxy A-distance of the raw features (0 to 2)`.

    Raises:
        ValueError: no row, a column lacking, a method given twice on one pair.
    """
    checked(table, GAIN_COLUMNS, ["method", "dataset", "pair"], "A figure of gains over distances")
    methods = list(dict.fromkeys(table["method"]))
    handles = [_key(i, table[table["method"] == method]) for i, method in enumerate(methods)]
    width = 6.0 + width_of([handle.get_label() for handle in handles], SMALL)
    figure = Figure(figsize=(width, max(4.6, 1.5 + ROW * len(methods))), layout="constrained")
    axes = figure.subplots()
    if rule.margin:
        axes.axhspan(-rule.margin, rule.margin, color="0.92", linewidth=0, zorder=0)
    axes.axhline(0.0, color="0.2", linewidth=0.9, zorder=0.5)
    for i, method in enumerate(methods):
        _points(axes, table[table["method"] == method], i)
    axes.set_xlabel(distance_label)
    axes.set_ylabel(f"gain over {names_of(table['reference'])} (points)", parse_math=False)
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=SMALL)
    pairs = table[["dataset", "pair"]].drop_duplicates()
    caption(
        figure,
        f"{counted([len(pairs)], 'pairs')}, means over {counted(table['n_seeds'], 'seeds')}, bars: {level(rule.alpha)} interval "
        "of the gain; filled: flagged (▲ above zero, ▼ below), open: not flagged. ρ: Spearman's rank correlation over pairs, p "
        f"corrected over the distances; pairs share domains, so p is optimistic. Selection {rule_name(rule.selection)}.",
    )
    return figure


def _points(axes: Axes, own: pd.DataFrame, i: int) -> None:
    look = look_of(i)
    bar = {"linestyle": "none", "ecolor": look["color"], "elinewidth": 0.8, "capsize": 1.5, "alpha": 0.6}
    axes.errorbar(own["distance"], own["gain"], yerr=own["gain_half"], label="_interval", **bar)
    flagged = own["flag"].isin(FILLED).to_numpy()
    for part, face, label in ((own[flagged], look["color"], "_flagged"), (own[~flagged], "white", "_open")):
        face_of = {**look, "markerfacecolor": face, "label": label}
        axes.plot(part["distance"], part["gain"], linestyle="none", markersize=6, **face_of)


def _key(i: int, own: pd.DataFrame) -> Line2D:
    row = next(own.itertuples())
    if np.isnan(row.rho):
        text = f"{row.method}: no ρ (n = {row.n})"
    else:
        interval = "" if np.isnan(row.low) else f" [{number(row.low)}, {number(row.high)}]"
        text = f"{row.method}: ρ = {row.rho:+.2f}{interval} ({p_equals(row.p_corrected)}, n = {row.n})"
    return Line2D([], [], linestyle="none", label=text, **look_of(i))
