"""Gain of each class: what an average hides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.findings.names import rule_name
from tlbench.findings.number_format import points
from tlbench.findings.paired import SEEDS
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import (
    ROW,
    caption,
    checked,
    counted,
    flag_key,
    flagged_dots,
    level,
    names_of,
    seed_dots,
    width_of,
    zero_and_margin,
)
from tlbench.transfer.crossed_gain import CORRECTIONS

COLUMNS = ["class", "class_gain", "class_half", "class_flag", "n_class_tests", "gain", "n_seeds", "reference", SEEDS]


def class_gains(table: pd.DataFrame, rule: Rule, *, most: int = 40) -> Figure:
    """Draw the gains of the classes of one cell (points) with intervals and flags, the greatest loss at the bottom.

    Args:
        table: `classes.of_cell`'s, one row a class of one cell, with the class's gains by seed in SEEDS.
        most: classes that are shown at most: half of them from each end, and the line under the figure says so.

    Raises:
        ValueError: no row, a column lacking, a class given twice.
    """
    checked(table, COLUMNS, ["class"], "A figure of classes")
    rows = table.sort_values("class_gain", ascending=False, kind="stable").reset_index(drop=True)
    if len(rows) > most:
        rows = pd.concat([rows.head(most // 2), rows.tail(most - most // 2)], ignore_index=True)
    figure = Figure(figsize=(max(6.5, 4.5 + width_of(rows["class"], 9)), 1.7 + ROW * len(rows)), layout="constrained")
    axes = figure.subplots()
    zero_and_margin(axes, rule.margin)
    mean = float(table["gain"].iloc[0])
    axes.axvline(mean, color="0.2", linewidth=1.0, linestyle=(0, (4, 2)), zorder=0.5)
    gain, half = (rows[name].to_numpy(np.float64) for name in ("class_gain", "class_half"))
    seed_dots(axes, rows[SEEDS], range(len(rows)))
    flagged_dots(axes, gain, np.arange(len(rows)), half, rows["class_flag"].tolist())
    axes.set_yticks(range(len(rows)), rows["class"], fontsize=9, parse_math=False)
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.grid(axis="both", color="0.93", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"gain of the class over {names_of(table['reference'])} (points)", parse_math=False)
    axes.set_ylabel("class")
    flag_key(figure, axes)
    part = f"{len(rows)} of {len(table)} classes, half from each end. " if len(rows) < len(table) else ""
    caption(
        figure,
        f"{part}Mean over {counted(table['n_seeds'], 'seeds')} (dots), bars: {level(rule.alpha)} interval (seeds and test "
        f"examples random, not corrected); flags {CORRECTIONS[rule.correction]} over "
        f"{counted(table['n_class_tests'], 'classes')} of all methods' cells. Dashed: gain of the cell, "
        f"{points(mean, signed=True)}. Selection {rule_name(rule.selection)}.",
    )
    return figure
