"""Forest plot: every gain with its interval, sorted."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.findings.gains import COLUMNS
from tlbench.findings.names import rule_name
from tlbench.findings.number_format import plus_minus
from tlbench.findings.paired import SEEDS
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import (
    ROW,
    SMALL,
    caption,
    checked,
    counted,
    flag_key,
    flagged_dots,
    level,
    names_of,
    seed_dots,
    sign,
    width_of,
    zero_and_margin,
)
from tlbench.transfer.crossed_gain import CORRECTIONS


def gain_forest(table: pd.DataFrame, rule: Rule, *, by: Literal["pair", "method"] = "pair", most: int = 150) -> Figure:
    """Draw gains (points) with intervals in groups, the best group and the best of each group on top; below each, its seeds.

    The flag is a point's shape and stands behind its number. A line marks no gain, a band gains that are no effect.

    Args:
        table: `gains.gain_table`'s; rows without a gain are left out.
        by: what the groups are.
        most: gains that are shown at most: the greatest in size, and the line under the figure says so.

    Raises:
        ValueError: no row, a column lacking, a pair and method given twice, or no gain at all.
    """
    checked(table, [*COLUMNS, SEEDS], ["pair", "method"], "A forest plot")
    known = checked(table[table["gain"].notna()].reset_index(drop=True), COLUMNS, [], "A forest plot")
    shown = known.loc[known["gain"].abs().sort_values(ascending=False, kind="stable").index[:most]]
    shown, heads = _placed(shown, by)
    other = "method" if by == "pair" else "pair"
    n_rows = len(shown) + len(heads)
    numbers = [f"{plus_minus(r.gain, r.gain_half, signed=True)} {sign(r.flag)}" for r in shown.itertuples()]
    width = 3.6 + max(width_of(shown[other], 9), width_of(heads, 9) * 1.1) + width_of(numbers, SMALL)
    figure = Figure(figsize=(max(7.0, width), 1.6 + ROW * n_rows), layout="constrained")
    axes = figure.subplots()
    zero_and_margin(axes, rule.margin)
    gain, y, half = (shown[name].to_numpy(np.float64) for name in ("gain", "y", "gain_half"))
    seed_dots(axes, shown[SEEDS], y)
    flagged_dots(axes, gain, y, half, shown["flag"].tolist())
    _label(axes, shown, heads, other, numbers)
    axes.set_xlabel(f"gain over {names_of(known['reference'])} (points)", parse_math=False)
    flag_key(figure, axes)
    caption(figure, _words(known, len(shown), rule))
    return figure


def _placed(table: pd.DataFrame, by: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows in their order with their place `y`, and the places of the groups' names."""
    ordered = table.assign(mean=table[by].map(table.groupby(by)["gain"].mean()))
    ordered = ordered.sort_values(["mean", by, "gain"], ascending=[False, True, False], kind="stable")
    first = ~ordered[by].duplicated()
    ordered["y"] = np.arange(len(ordered)) + first.cumsum()
    return ordered, {str(row[by]): int(row["y"]) - 1 for row in ordered[first].to_dict("records")}


def _label(axes: Axes, shown: pd.DataFrame, heads: dict[str, int], other: str, numbers: list[str]) -> None:
    places = [*heads.values(), *shown["y"]]
    axes.set_yticks(places, [*heads, *shown[other]], fontsize=9, parse_math=False)
    for label in axes.get_yticklabels()[: len(heads)]:
        label.set_fontweight("bold")
    longest = max(range(len(numbers)), key=lambda i: len(numbers[i]))
    for i, (y, text) in enumerate(zip(shown["y"], numbers, strict=True)):  # the longest makes room for all
        number = axes.text(1.01, y, text, transform=axes.get_yaxis_transform(), fontsize=SMALL, va="center")
        number.set_in_layout(i == longest)
    axes.set_ylim(max(places) + 0.7, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _words(known: pd.DataFrame, shown: int, rule: Rule) -> str:
    part = f"The {shown} greatest in size of {len(known)} gains. " if shown < len(known) else ""
    band = f" Band: ±{rule.margin:g} points." if rule.margin else ""
    return (
        f"{part}Mean over {counted(known['n_seeds'], 'seeds')} (dots), bars: {level(rule.alpha)} interval (seeds and test "
        f"examples random, not corrected); flags {CORRECTIONS[rule.correction]} at level {rule.alpha:g}; selection "
        f"{rule_name(rule.selection)}.{band}"
    )
