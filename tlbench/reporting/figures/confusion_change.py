"""Which confusions a method makes more or less often than its reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tlbench.findings.confusion import COLUMNS
from tlbench.findings.names import rule_name
from tlbench.reporting.figures.style import caption, checked, counted, shaded_cells, width_of

CELL = 0.42
"""Inches of a cell."""


def confusion_change(table: pd.DataFrame, reference: str, selection: str, *, most: int = 15) -> Figure:
    """Draw row-normalised confusion minus the reference's (points): off the diagonal, above zero is a confusion made more often.

    Args:
        table: `confusion.confusion_table`'s, one row a true and predicted class.
        reference, selection: for the names under the figure.
        most: classes that are shown at most: those whose row changes most. Predictions of the others are added up in a
            last column, so that each row sums to zero.

    Raises:
        ValueError: no row, a column lacking, a combination given twice.
    """
    checked(table, COLUMNS, ["true", "predicted"], "A change of confusions")
    names = list(dict.fromkeys(table["true"]))
    wide = table.pivot(index="true", columns="predicted", values="difference").loc[names, names]
    change = wide.abs().sum(axis=1)
    kept = [name for name in names if name in set(change.sort_values(ascending=False, kind="stable").index[:most])]
    rest = [name for name in names if name not in kept]
    values = wide.loc[kept, kept]
    if rest:
        others = f"{len(rest)} other{'s' if len(rest) > 1 else ''}"
        values = values.assign(**{others: wide.loc[kept, rest].sum(axis=1, min_count=1)})
    n = table.drop_duplicates("true").set_index("true")["n"]
    rows = [f"{name} ({n[name]})" for name in kept]
    side = CELL * len(values.columns)
    size = max(3.5, side) + width_of(rows, 9) + 1.8, max(2.5, CELL * len(kept)) + width_of(values.columns, 9) + 1.3
    figure = Figure(figsize=size, layout="constrained")
    _draw(figure, figure.subplots(), values, rows)
    part = f"The {len(kept)} of {len(names)} classes that change most. " if rest else ""
    caption(
        figure,
        f"{part}Share of a true class's test examples (their number in brackets, over {counted(table['n_runs'], 'runs')}) that "
        f"get a prediction, minus that of {reference}; no interval. Selection {rule_name(selection)}.",
    )
    return figure


def _draw(figure: Figure, axes: Axes, values: pd.DataFrame, rows: list[str]) -> None:
    found = values.to_numpy(np.float64)
    texts = ["–" if np.isnan(value) else f"{value:+.0f}" if abs(value) >= 0.5 else "" for value in found.flat]
    shown = shaded_cells(axes, found, texts)
    for i in range(len(rows)):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor="black", linewidth=1.0))
    axes.set_xticks(range(len(values.columns)), values.columns, rotation=90, fontsize=9, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, fontsize=9, parse_math=False)
    axes.set(xlabel="predicted class", ylabel="true class")
    bar = figure.colorbar(shown, ax=axes, fraction=0.05, aspect=25)
    bar.set_label("change of the share (points)")
