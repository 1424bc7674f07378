"""Claimed against got, as a picture."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from tlbench.reporting.figures.style import caption, checked, counted, look_of, width_of

COLUMNS = ["row", "published", "got", "got_sd", "n"]


def claimed_and_got(table: pd.DataFrame) -> Figure:
    """Draw each pair of each published row: printed accuracy across, measured accuracy up, the diagonal where they agree.

    Args:
        table: `tlbench.reproduce.claimed_table.claimed_numbers`': one row a number that is both printed and measured, in percent;
            got_sd over n seeds.

    Raises:
        ValueError: no row, a column lacking.
    """
    checked(table, COLUMNS, [], "Claimed against got")
    rows = list(dict.fromkeys(table["row"]))
    figure = Figure(figsize=(5.6 + width_of(rows, 9), max(5.4, 1.2 + 0.22 * len(rows))), layout="constrained")
    axes = figure.subplots()
    low, high = table[["published", "got"]].min().min() - 3, table[["published", "got"]].max().max() + 3
    axes.plot([low, high], [low, high], color="0.6", linewidth=1, zorder=0)
    for i, row in enumerate(rows):
        own = table[table["row"] == row]
        error = own["got_sd"].where(own["n"] > 1)
        bars = None if error.isna().all() else error
        look = {**look_of(i), "linestyle": "none", "markersize": 5, "linewidth": 0.8, "alpha": 0.85}
        axes.errorbar(own["published"], own["got"], yerr=bars, label=row, **look)
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="published (%)", ylabel="got (%)")
    axes.set_aspect("equal", anchor="N")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    seeds = counted(table["n"], "seeds")
    caption(
        figure, f"Accuracy on the target test part, a point a pair; bars: sd over seeds ({seeds}); line: agreement."
    )
    return figure
