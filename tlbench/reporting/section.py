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
