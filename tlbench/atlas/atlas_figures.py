"""Figures of the atlas: mean gains, method by family of data, and what would have warned."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.reporting.figures.style import LOSS, ROW, SMALL, WIN, caption, shaded_cells, width_of

CELL_WIDTH, CELL_HEIGHT = 0.4, 0.18
"""Inches of a cell with a sign."""
SMALLEST = 1.0
"""Points that have a sign."""


def gain_map(wide: pd.DataFrame) -> Figure:
    """Draw mean gains (points) of `gains_by_place`: methods by their mean over families of data, the worst on top."""
    wide = wide.loc[wide.mean(axis=1).sort_values().index]
    families, methods = list(wide.columns), list(wide.index)
    width = max(5.0, width_of(methods, SMALL) + CELL_WIDTH * len(families) + 1.6)
    height = CELL_HEIGHT * len(methods) + width_of(families, SMALL) + 1.0
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    signs = np.select([wide <= -SMALLEST, wide >= SMALLEST], ["–", "+"], "")  # the sign without the colour
    shown = shaded_cells(axes, wide.clip(-20, 20).to_numpy(np.float64), list(signs.flat))
    axes.set_xticks(range(len(families)), families, fontsize=SMALL, rotation=90)
    axes.set_yticks(range(len(methods)), methods, fontsize=SMALL)
    figure.colorbar(shown, ax=axes, fraction=0.05, aspect=30, shrink=0.5).set_label("mean gain (points)")
    caption(
        figure,
        "Mean gain over the matched reference, over pairs, classifiers and protocols of a family of data, with the defaults and "
        "the source's own class shares. Orange and –: a loss of a point or more; colours end at 20.",
    )
    return figure


def warning_bars(table: pd.DataFrame, most: int = 18) -> Figure:
    """Draw the areas under the curve of `foresight`, with their intervals over families, the best on top."""
    own = table.head(most)
    names = list(own["candidate"])
    figure = Figure(figsize=(4.0 + width_of(names, SMALL), 1.2 + ROW * len(own)), layout="constrained")
    axes = figure.subplots()
    y = np.arange(len(own))
    colours = ["0.6" if "oracle_" in name else WIN for name in names]
    axes.barh(y, own["auroc"] - 0.5, left=0.5, color=colours, height=0.7)
    axes.errorbar(own["auroc"], y, xerr=own["auroc_half"], fmt="none", ecolor="0.2", elinewidth=1, capsize=2)
    axes.axvline(0.5, color=LOSS, linewidth=0.9)
    axes.set_yticks(y, names, fontsize=SMALL)
    axes.set_ylim(len(own) - 0.4, -0.6)
    axes.set_xlabel("area under the ROC curve for gain < 0")
    caption(
        figure,
        "One family of data left out in turn, directions learnt on the others; 95 % t intervals over families. Grey: looks at "
        "target labels.",
    )
    return figure
