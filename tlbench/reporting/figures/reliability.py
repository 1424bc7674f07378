"""Reliability diagram: how often a model is right where it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlbench.findings.calibration import COLUMNS
from tlbench.findings.names import rule_name
from tlbench.reporting.figures.style import caption, checked, counted, level, look_of, width_of


def reliability(table: pd.DataFrame, selection: str) -> Figure:
    """Draw accuracy over confidence with the diagonal, and below it how many predictions each bin has.

    Args:
        table: `calibration.reliability_table`'s, one row a name (a run, its reference) and bin.
        selection: for the line under the figure.

    Raises:
        ValueError: no row, a column lacking, a bin given twice.
    """
    checked(table, COLUMNS, ["name", "low", "high"], "A reliability diagram")
    names = list(dict.fromkeys(table["name"]))
    labels = [f"{name}: ECE {table[table['name'] == name]['ece'].iloc[0]:.3f}" for name in names]
    figure = Figure(figsize=(5.2 + width_of(labels, 9), 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="0.5", linewidth=1, label="_right", zorder=0)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        _draw(upper, lower, table[table["name"] == name], i, label, len(names))
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="accuracy (share that is right)")
    lower.set(xlabel="confidence (probability of the predicted class)", ylabel="share of\npredictions (%)")
    figure.legend(*upper.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=9)
    runs, n_bins = counted(table["n_runs"], "runs"), table.loc[table["low"] < table["high"], "low"].nunique()
    n = counted(table.groupby("name")["n"].sum(), "predictions")
    caption(
        figure,
        f"{n} ({runs}) on the target test part; {n_bins} bins, as the metric ece has them; bars: {level(table['alpha'].iloc[0])} "
        f"interval of the accuracy (Wilson); ECE: mean over runs. Below the diagonal: too sure. Selection "
        f"{rule_name(selection)}.",
    )
    for axes in (upper, lower):
        axes.grid(color="0.93", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure


def _draw(upper: Axes, lower: Axes, own: pd.DataFrame, i: int, label: str, n_names: int) -> None:
    look, known = look_of(i), own[own["n"] > 0]
    reach = [known["accuracy"] - known["accuracy_low"], known["accuracy_high"] - known["accuracy"]]
    line = {"linestyle": ("-", "--", ":")[i % 3], "linewidth": 1.1, "markersize": 5, "elinewidth": 0.8, **look}
    upper.errorbar(known["confidence"], known["accuracy"], yerr=np.abs(reach), capsize=2, label=label, **line)
    bins = own[own["low"] < own["high"]].reset_index(drop=True)
    share = bins["n"].to_numpy(np.float64)
    share[-1] += own.loc[own["low"] == own["high"], "n"].sum()  # a confidence of 1 has no width to be drawn with
    width = float(bins["high"].iloc[0] - bins["low"].iloc[0])
    places, heights = bins["low"] + width * (i + 0.5) / n_names, 100 * share / own["n"].sum()
    face: dict[str, Any] = {"color": look["color"]} if i == 0 else {"color": "white", "hatch": "/////"}
    face |= {"edgecolor": look["color"], "linewidth": 0.9}
    lower.bar(places, heights, width=0.9 * width / n_names, label=label, **face)
