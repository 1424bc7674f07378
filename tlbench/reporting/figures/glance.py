"""Every comparison at a glance: a row a method, a mark a pair, its shape the verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.findings.names import rule_name
from tlbench.findings.rule import Rule
from tlbench.reporting.figures.style import (
    FLAG_LOOKS,
    FLAG_WORDS,
    ROW,
    caption,
    checked,
    counted,
    flag_key,
    width_of,
    zero_and_margin,
)

COLUMNS = ["method", "pair", "gain", "flag"]


def glance(table: pd.DataFrame, rule: Rule) -> Figure:
    """Draw the gain of each method on each pair as one mark; intervals stand in the forest.

    Args:
        table: `Overview.gains`; rows stand in the order of the methods.

    Raises:
        ValueError: no row, a column lacking, or a gain that is not known.
    """
    checked(table, COLUMNS, [], "A glance")
    if table["gain"].isna().any():
        raise ValueError("A glance needs gains, got a row without one.")
    names = list(dict.fromkeys(table["method"]))
    figure = Figure(figsize=(max(7.5, 4.5 + width_of(names, 9)), 1.1 + 1.3 * ROW * len(names)), layout="constrained")
    axes = figure.subplots()
    zero_and_margin(axes, rule.margin)
    y = table["method"].map({name: i for i, name in enumerate(names)}).to_numpy(float)
    for flag in [flag for flag in FLAG_LOOKS if (table["flag"] == flag).any()][::-1]:  # verdicts over the others
        own, look = (table["flag"] == flag).to_numpy(), FLAG_LOOKS[flag]
        dots: dict[str, Any] = {
            "marker": look.marker,
            "s": 42,
            "linewidths": 1.0,
            "label": FLAG_WORDS.get(flag, "no flag"),
        }
        filled: dict[str, Any] = {"facecolors": look.face, "edgecolors": look.colour}
        colours = {"c": look.colour} if look.marker == "x" else filled
        axes.scatter(table["gain"].to_numpy(float)[own], y[own], **dots, **colours)
    axes.set_yticks(range(len(names)), names, fontsize=9, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("gain over the matched reference (points)")
    axes.grid(axis="y", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["right", "top"]].set_visible(False)
    flag_key(figure, axes)
    most = np.unique(table.groupby("method")["pair"].nunique())
    caption(
        figure,
        f"A mark is one pair, the mean over its seeds ({counted(most, 'pairs')} a method); left of zero transfer hurt. "
        f"Selection {rule_name(rule.selection)}.",
    )
    return figure
