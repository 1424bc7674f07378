"""Figure of average ranks: which methods differ, which do not."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from tlbench.findings.number_format import p_equals
from tlbench.reporting.figures.style import LETTER, caption
from tlbench.transfer.ranks import Ranking

INK = "black"
ROW = 0.25
"""Inches that a line of text takes."""


def critical_difference(ranking: Ranking) -> Figure:
    """Draw the critical-difference diagram (Demsar 2006, section 3.2.2) of a ranking that has a test (`pairwise_p`).

    Methods stand at their average rank, the best on the left; a thick bar joins methods that do not differ. Where the test
    of all methods at once finds no difference, one bar joins them all.
    """
    if ranking.pairwise_p is None:
        raise ValueError("A critical-difference diagram needs a ranking with a test; this one has none.")
    from scikit_posthocs import critical_difference_diagram  # brings pyplot and seaborn along: a third of a second

    names = {method: str(method) for method in ranking.average_rank.index}
    apart = ranking.pairwise_p if ranking.posthoc_allowed else ranking.pairwise_p * 0 + 1
    longest = max(map(len, names.values())) + len(" (10.00)")
    figure = Figure(figsize=(4.5 + 2 * 9 * LETTER * longest, 1.0), layout=ConstrainedLayoutEngine(w_pad=0.15))
    axes = figure.subplots()
    critical_difference_diagram(
        ranking.average_rank.rename(names),
        apart.rename(index=names, columns=names),
        alpha=ranking.alpha,
        ax=axes,
        label_fmt_left="{label} ({rank:.2f})\N{NO-BREAK SPACE}",
        label_fmt_right="\N{NO-BREAK SPACE}({rank:.2f}) {label}",
        label_props={"fontsize": 9, "parse_math": False},
        marker_props={"color": INK, "s": 16, "clip_on": False},
        elbow_props={"color": INK, "linewidth": 0.8, "clip_on": False},
        crossbar_props={"color": INK, "linewidth": 3, "solid_capstyle": "butt"},
        text_h_margin=0.02 * (ranking.n_methods - 1),
    )
    _arrange(figure, axes, ranking)
    return figure


def _arrange(figure: Figure, axes: Axes, ranking: Ranking) -> None:
    """Give each row of the diagram one line of text, so that names never meet however many they are."""
    for line in axes.lines:  # the library takes a bar's points from a set, in whose order strings are hashed
        if np.ptp(line.get_ydata()) == 0:
            line.set_xdata(np.sort(line.get_xdata()))
    lowest = min(text.get_position()[1] for text in axes.texts)
    axes.set_ylim(lowest - 0.5, 0.5)
    axes.set_xlim(1, ranking.n_methods)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    axes.set_xlabel("average rank (1 = best)")
    axes.xaxis.set_label_position("top")
    caption(figure, _words(ranking))
    figure.set_figheight(1.3 + ROW * (0.5 - lowest))


def _words(ranking: Ranking) -> str:
    test = {"friedman": "Friedman", "wilcoxon": "Wilcoxon"}[ranking.test]
    found = f"{ranking.n_pairs} pairs, {test} {p_equals(ranking.p)}"
    if not ranking.posthoc_allowed:
        return f"{found}: no difference shown at level {ranking.alpha:g}"
    if ranking.test == "wilcoxon":
        return f"{found}: the methods differ at level {ranking.alpha:g}"
    return f"{found}, critical difference {ranking.critical_difference:.2f} at level {ranking.alpha:g}"
