"""Claimed against got, as a picture."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from tlbench.reproduce.published import AVERAGE
from tlbench.reproduce.recipe import Paper

MARKERS = "os^Dvp*XPh<>"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
"""Okabe and Ito's, safe for the colour-blind; the marker says the same."""


def claimed_and_got(table: pd.DataFrame, paper: Paper) -> Figure | None:
    """Each pair of each published row: printed accuracy across, measured accuracy up, the diagonal where they agree."""
    known = table[(table["pair"] != AVERAGE) & table["published"].notna() & table["got"].notna()]
    if known.empty:
        return None
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes = figure.subplots()
    low, high = known[["published", "got"]].min().min() - 3, known[["published", "got"]].max().max() + 3
    axes.plot([low, high], [low, high], color="0.6", linewidth=1, zorder=0)
    rows = [row for row in paper.rows if row in set(known["row"])]
    for i, row in enumerate(rows):
        own = known[known["row"] == row]
        error = own["got_sd"].where(own["n"] > 1)
        axes.errorbar(
            own["published"], own["got"], yerr=None if error.isna().all() else error, fmt=MARKERS[i % len(MARKERS)],
            color=COLOURS[i % len(COLOURS)], label=row, markersize=5, linewidth=0.8, alpha=0.85,
        )  # fmt: skip
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="published (%)", ylabel="got (%), bars: sd over seeds")
    axes.set_aspect("equal")
    axes.legend(loc="upper left", frameon=False)
    return figure
