"""What all figures share: colours, markers, sizes of letters, the line under a figure, SVG."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from tlbench.findings.flags import FLAGS

COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
"""Okabe and Ito's, without the yellow that print loses; safe for the colour-blind."""
MARKERS = "osD^vXP*"
DASHES: list = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (8, 2))]
LOSS, WIN, QUIET = "#D55E00", "#0072B2", "0.45"
LETTER = 0.0105
"""Inches that a letter takes, for each point of its size: a bit more than DejaVu Sans needs on average."""
ROW = 0.22
"""Inches that a line of text takes in a list."""
BELOW = 0.3
"""Rows from a mean to its seeds."""
SMALL = 8
"""Size of the letters under a figure and inside it."""


@dataclass(frozen=True)
class Look:
    """How a flag is drawn: the shape says it without the colour."""

    colour: str
    marker: str
    face: str


FLAG_LOOKS = {
    "negative": Look(LOSS, "v", LOSS),
    "positive": Look(WIN, "^", WIN),
    "no_effect": Look("black", "s", "0.75"),
    "inconclusive": Look(QUIET, "o", "white"),
    "few_seeds": Look(QUIET, "x", QUIET),
    "": Look(QUIET, ".", QUIET),
}
FLAG_WORDS = {
    "negative": "negative",
    "positive": "positive",
    "no_effect": "≈ within the margin",
    "inconclusive": "inconclusive",
    "few_seeds": "? fewer than three seeds",
}


def checked(table: pd.DataFrame, columns: Sequence[str], unique: Sequence[str], what: str) -> pd.DataFrame:
    """Return the table itself.

    Raises:
        ValueError: no row, a column lacking, or two rows with the same `unique` columns.
    """
    lacking = [column for column in columns if column not in table]
    if lacking or table.empty:
        raise ValueError(f"{what} needs rows with the columns {', '.join(columns)}; lacking {lacking or 'every row'}.")
    doubles = table[table.duplicated(list(unique))] if unique else table[:0]
    if len(doubles):
        given = "; ".join(", ".join(map(str, row)) for row in doubles[list(unique)].head(5).to_numpy())
        raise ValueError(f"{what} has one row for each {' and '.join(unique)}, got more for: {given}.")
    return table


def width_of(texts: Iterable[object], size: float) -> float:
    """Return the inches that the longest of some texts takes."""
    return LETTER * size * max((len(str(text)) for text in texts), default=0)


def caption(figure: Figure, words: str) -> None:
    """Write one line (broken where the figure ends) under a figure."""
    room = max(30, int(figure.get_figwidth() / (0.8 * LETTER * SMALL)) - 4)  # prose is narrower than names
    figure.supxlabel(textwrap.fill(words, room), fontsize=SMALL, color="0.25", linespacing=1.3, parse_math=False)


def headed(draw: Callable[[], Figure], about: str) -> Figure:
    """Draw a figure whose line below begins with what it is of, so that it can stand by itself."""
    figure = draw()
    caption(figure, f"{about}. {' '.join(figure.get_supxlabel().split())}")
    return figure


def counted(values: Iterable[object], word: str) -> str:
    """Write `3 seeds`, or `2 to 5 seeds`; empty for no known value."""
    known = sorted({int(v) for v in values if not pd.isna(v)})  # type: ignore[call-overload]
    if not known:
        return ""
    text = f"{known[0]}" if len(known) == 1 else f"{known[0]} to {known[-1]}"
    return f"{text} {word}" if text != "1" else f"1 {word.removesuffix('s')}"


def level(alpha: float) -> str:
    """Write `95 %`."""
    return f"{100 * (1 - alpha):g} %"


def names_of(values: Iterable[object]) -> str:
    """Join the distinct texts; missing ones left out."""
    return ", ".join(dict.fromkeys(str(v) for v in values if not pd.isna(v) and v != ""))


def sign(flag: str) -> str:
    """Return the flag as a letter."""
    return FLAGS.get(flag, "")


def look_of(i: int) -> dict[str, Any]:
    """Return colour and marker of the i-th method; the two together tell 56 apart."""
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}


def flagged_dots(axes: Axes, x: np.ndarray, y: np.ndarray, half: np.ndarray, flags: Sequence[str]) -> None:
    """Draw points with horizontal intervals, a container a flag, each with the flag's shape, colour and words (its label)."""
    flags_N = np.array(flags, dtype=object)
    for flag in dict.fromkeys(flags):
        own, look = flags_N == flag, FLAG_LOOKS[flag]
        dot: dict[str, Any] = {"fmt": look.marker, "color": look.colour, "markerfacecolor": look.face}
        bar: dict[str, Any] = {"markersize": 6, "ecolor": look.colour, "elinewidth": 1.1, "capsize": 2}
        axes.errorbar(x[own], y[own], xerr=half[own], label=FLAG_WORDS.get(flag, "no flag"), **dot, **bar)


def shaded_cells(axes: Axes, values_RC: np.ndarray, texts: Sequence[str]) -> AxesImage:
    """Draw losses as orange and gains as blue cells, with a text in each that has one; `texts` row by row."""
    reach = max(1.0, float(np.nanmax(np.abs(values_RC), initial=0.0)))
    shown = axes.imshow(values_RC, cmap="PuOr", norm=TwoSlopeNorm(0.0, -reach, reach), aspect="auto")
    for (i, j), text in zip(np.ndindex(values_RC.shape), texts, strict=True):
        colour = "white" if abs(values_RC[i, j]) > 0.6 * reach else "black"
        if text:
            axes.text(j, i, text, in_layout=False, ha="center", va="center", fontsize=SMALL - 0.5, color=colour)
    return shown


def seed_dots(axes: Axes, seeds: Iterable[Sequence[float]], y: Iterable[float]) -> None:
    """Draw the seeds of each row as dots, below its mean, where the bar does not hide them."""
    dots = [(value, place + BELOW) for values, place in zip(seeds, y, strict=True) for value in values]
    if dots:  # one part of the figure: hundreds would take most of its time
        x, heights = zip(*dots, strict=True)
        axes.scatter(x, heights, s=7, color="0.45", linewidths=0, zorder=1)


def flag_key(figure: Figure, axes: Axes) -> None:
    """Tell what the shapes mean, above the axes."""
    handles, labels = axes.get_legend_handles_labels()
    order = [h for word in FLAG_WORDS.values() for h, label in zip(handles, labels, strict=True) if label == word]
    if order:
        columns = max(1, min(len(order), int(figure.get_figwidth() / 2.2)))
        figure.legend(handles=order, loc="outside upper center", ncols=columns, frameon=False, fontsize=SMALL)


def zero_and_margin(axes: Axes, margin: float) -> None:
    """Draw a vertical line at no gain, and a band up to which a gain is no effect."""
    if margin:
        axes.axvspan(-margin, margin, color="0.9", linewidth=0, zorder=0)
    axes.axvline(0.0, color="0.2", linewidth=0.9, zorder=0.5)


def as_svg(figure: Figure) -> str:
    """Return the figure as an SVG element, letters as outlines, without a date or a random name in it."""
    text = as_file(figure, "svg").decode()
    return text[text.index("<svg") :]


def as_file(figure: Figure, kind: str) -> bytes:
    """Return the figure as an SVG, PDF or PNG (200 dots an inch) file, the same bytes for the same figure."""
    # letters stay letters in PDF (42: TrueType, which publishers ask for) and become outlines in SVG, which has no fonts
    settings: Any = {"svg.fonttype": "path", "svg.hashsalt": "tlbench", "pdf.fonttype": 42}
    undated: Any = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    with matplotlib.rc_context(settings):
        # as text: into bytes each of half a million pieces would be encoded by itself
        buffer = io.StringIO() if kind == "svg" else io.BytesIO()
        if kind == "png":
            figure.set_dpi(200)
        # `savefig` of a figure with a layout draws all of it twice, to place the parts first; a canvas does so as it draws
        canvas: Any = get_registered_canvas_class(kind)(figure)
        getattr(canvas, f"print_{kind}")(buffer, metadata=undated)
    written = buffer.getvalue()
    return written.encode() if isinstance(written, str) else written
