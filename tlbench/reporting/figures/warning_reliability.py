"""Reliability of the warning: how often a cell was hurt where it was said to be."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.findings.names import rule_name
from tlbench.findings.number_format import HURTS
from tlbench.findings.warned_cells import BINNED
from tlbench.reporting.figures.style import WIN, caption, checked, counted, level


def warning_reliability(bins: pd.DataFrame, selection: str, alpha: float) -> Figure:
    """Draw the share of cells with a gain below 0 over the mean warning of their bin, and the diagonal.

    Args:
        bins: `warned_cells.warning_bins`', whose intervals are of level 1 - alpha.
        selection: for the line under the figure.

    Raises:
        ValueError: no row, a column lacking.
    """
    checked(bins, BINNED, [], "A reliability diagram")
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=1, zorder=0)
    reach = np.abs([bins["hurt"] - bins["low"], bins["high"] - bins["hurt"]])
    axes.errorbar(
        bins["warning"], bins["hurt"], yerr=reach, fmt="o-", color=WIN, linewidth=1.1, elinewidth=0.8, capsize=2
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=f"{HURTS} (mean of the bin)")
    axes.set_ylabel("share of cells with a gain below 0")
    axes.grid(color="0.93", linewidth=0.6)
    axes.set_axisbelow(True)
    caption(
        figure,
        f"{bins['n'].sum()} cells, {counted(bins['n'], 'cells')} a bin; bars: {level(alpha)} interval of the share (Wilson, "
        f"cells taken as independent). Above the diagonal: more were hurt than it said. Gains on the target test part, selection "
        f"{rule_name(selection)}.",
    )
    return figure
