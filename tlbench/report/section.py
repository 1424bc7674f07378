"""A part of a report that every format can show: a title, words, a table, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

Draw = Callable[[], Figure]
"""A figure, drawn when a format asks for it."""


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes:
        name: stem of its files.
        title: heading.
        words: paragraphs of plain text.
        shown: the table as pages print it, texts only; None for none.
        data: the same unrounded, for `NAME.csv`; None for none.
        figures: name to what draws it.
        captions: name of a figure to what stands above it on a page; else the title does.
    """

    name: str
    title: str
    words: Sequence[str] = ()
    shown: pd.DataFrame | None = None
    data: pd.DataFrame | None = None
    figures: dict[str, Draw] = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)


def points(value: float, *, signed: bool = False) -> str:
    """A number in percentage points; a dash for none. Never `-0.0`."""
    if pd.isna(value):
        return "–"
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    return text.replace("-0.0", "0.0") if float(text) == 0 else text


def number(value: float, digits: int = 2) -> str:
    """A plain number; a dash for none."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}"


def p_text(value: float) -> str:
    """A p-value: `0.013`, `< 0.0001`; a dash for none."""
    if pd.isna(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def p_equals(value: float) -> str:
    """A p-value inside a sentence: `p = 0.013`, `p < 0.0001`."""
    text = p_text(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"
