"""What each selection rule would have given, and how far it stays below ORACLE."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.findings.number_format import points
from tlbench.reporting.figures.style import ROW, SMALL, WIN, caption, checked, counted, look_of, width_of
from tlbench.selection.rules import ORACLE

COLUMNS = ["method", "rule", "score", "gap", "n_pairs"]


def selection_rules(table: pd.DataFrame, *, score_label: str = "accuracy (%)") -> Figure:
    """Draw each method's score under each rule and, right, its points below ORACLE: a stroke a method, the mean as a diamond.

    Rules stand by their mean gap, ORACLE on top: it looks at target test labels, and bounds the others.

    Args:
        table: one block of `selections.selection_table`'s (one value of `selections.PLACE`): score and gap in points.

    Raises:
        ValueError: no row, a column lacking, a method given twice under one rule.
    """
    checked(table, COLUMNS, ["rule", "method"], "A figure of selection rules")
    gaps = table.groupby("rule")["gap"].mean()
    rules = sorted(gaps.index, key=lambda rule: (rule != ORACLE, gaps.fillna(np.inf)[rule], rule))
    methods = list(dict.fromkeys(table["method"]))
    height = max(1.7 + 1.6 * ROW * len(rules), 1.4 + ROW * len(methods))
    figure = Figure(figsize=(8.5 + width_of(methods, SMALL), height), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    for i, method in enumerate(methods):
        own = table[table["method"] == method].set_index("rule").reindex(rules)
        y = np.arange(len(rules)) + 0.6 * ((i + 0.5) / len(methods) - 0.5)
        left.plot(own["score"], y, linestyle="none", markersize=5, label=method, alpha=0.9, **look_of(i))
        right.plot(own["gap"], y, linestyle="none", marker="|", color="0.5", markersize=7, label="_gap")
    means = gaps.reindex(rules)
    diamond = {"color": WIN, "markeredgecolor": "black", "markersize": 6}
    right.plot(means, range(len(rules)), "D", label="_mean", **diamond)
    _label(left, right, rules, means, score_label)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=SMALL)
    caption(
        figure,
        f"Means over {counted(table['n_pairs'], 'pairs')} and their seeds on the target test part, one checkpoint a rule and "
        "run; no interval. ORACLE chose on target test labels. Right: strokes are methods, the diamond is their mean "
        f"({counted([len(methods)], 'methods')}).",
    )
    return figure


def _label(left: Axes, right: Axes, rules: list[str], means: pd.Series, score_label: str) -> None:
    left.set_yticks(range(len(rules)), ["ORACLE" if rule == ORACLE else rule for rule in rules], fontsize=9)
    left.set_ylim(len(rules) - 0.4, -0.6)
    left.set_xlabel(score_label)
    left.set_ylabel("selection rule")
    right.axvline(0.0, color="0.2", linewidth=0.9, zorder=0)
    right.set_xlabel("below ORACLE (points)")
    for y, mean in enumerate(means):
        right.text(1.02, y, points(mean), transform=right.get_yaxis_transform(), va="center", fontsize=SMALL)
    for axes in (left, right):
        axes.grid(axis="x", color="0.93", linewidth=0.6)
        axes.set_axisbelow(True)
        for y in range(len(rules) - 1):
            axes.axhline(y + 0.5, color="0.9", linewidth=0.6, zorder=0)
