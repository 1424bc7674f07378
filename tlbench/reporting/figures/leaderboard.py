"""Leaderboard: each method's mean over pairs, never without its interval and the pairs behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.findings.names import rule_name
from tlbench.findings.number_format import number
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import ROW, SMALL, WIN, caption, checked, counted, level, width_of

COLUMNS = ["method", "mean", "half", "average_rank", "n_pairs", "n_missing", "n_seeds", "pair_scores"]


def leaderboard(table: pd.DataFrame, rule: Rule, *, score_label: str = "accuracy (%)") -> Figure:
    """Draw the mean score of each method over the pairs, its interval, its pairs as faint points, and its average rank beside it.

    A method that lacks a pair has its points and no mean: means over different pairs do not compare.

    Args:
        table: `leaderboards.leaderboard_table`'s, one row a method.

    Raises:
        ValueError: no row, a column lacking, a method given twice.
    """
    checked(table, COLUMNS, ["method"], "A leaderboard")
    rows = table.sort_values(["mean", "method"], ascending=[False, True], na_position="last").reset_index(drop=True)
    ranks = [_rank(row) for row in rows.itertuples()]
    width = 4.2 + width_of(rows["method"], 9) + width_of([*ranks, "average rank"], SMALL)
    figure = Figure(figsize=(max(7.0, width), 1.5 + 1.2 * ROW * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, scores in enumerate(rows["pair_scores"]):
        axes.scatter(scores, np.full(len(scores), y), s=14, marker="|", color="0.5", linewidths=1.0, zorder=1)
    diamond: dict[str, Any] = {"fmt": "D", "color": WIN, "markeredgecolor": "black", "markersize": 5.5, "zorder": 3}
    axes.errorbar(rows["mean"], rows.index, xerr=rows["half"], ecolor="black", elinewidth=1.2, capsize=3, **diamond)
    _label(axes, rows, ranks)
    axes.set_xlabel(f"{score_label} on the target test part")
    pairs, seeds = counted(rows["n_pairs"], "pairs"), counted(rows["n_seeds"], "seeds")
    caption(
        figure,
        f"Diamond: mean over pairs, each the mean over its seeds ({pairs}, {seeds}); bar: its {level(rule.alpha)} t interval "
        f"(seeds random, pairs fixed); strokes: the pairs. Rank 1 is best. Selection {rule_name(rule.selection)}.",
    )
    return figure


def _label(axes: Axes, rows: pd.DataFrame, ranks: list[str]) -> None:
    axes.set_yticks(range(len(rows)), rows["method"], fontsize=9, parse_math=False)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": SMALL, "va": "center"}
    for y, text in enumerate(ranks):
        axes.text(1.01, y, text, **beside)
    axes.text(1.01, -1, "average rank", style="italic", **beside)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(axis="x", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["right", "top"]].set_visible(False)


def _rank(row: Any) -> str:
    if missing := int(row.n_missing):
        return f"not ranked: {missing} of {missing + int(row.n_pairs)} pairs missing"
    return number(row.average_rank)
