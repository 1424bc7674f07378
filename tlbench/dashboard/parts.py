"""What all views are made of: text of others shown as it is, tables and figures with their downloads, long lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from matplotlib.figure import Figure

from tlbench.dashboard.state import drop_unknown
from tlbench.errors import TlbenchError
from tlbench.reporting.figures.style import as_file, as_svg, counted

ROWS, CHOICES = 1000, 500
"""Rows of a table and choices of a list that are sent to the browser at most."""
STYLE = """<style>
[class*="st-key-figure-"] { overflow-x: auto; }
[class*="st-key-figure-"] img { min-width: 36rem; max-width: none; }
[data-testid="stMainBlockContainer"] { padding-top: 3.5rem; }
[data-testid="stMainBlockContainer"] [data-stale="true"] { visibility: hidden; transition: visibility 0s linear 0.4s; }
</style>"""
"""A figure that is wider than a phone is scrolled within its frame: letters of three pixels are no use. What is left of the last
view is hidden, and not greyed under the heading of the next one; the delay spares a quick answer the flicker.
"""
FORMATS = {"SVG": "image/svg+xml", "PNG": "image/png", "PDF": "application/pdf"}


def literal(text: object) -> str:
    """Write text from a store inside Markdown: a code span, in which nothing has a meaning."""
    words = re.sub(r"\s+", " ", str(text)).strip() or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", words)), default=0))
    return f"{fence} {words} {fence}" if "`" in words else f"{fence}{words}{fence}"


def table(frame: pd.DataFrame, name: str, alt: str, *, picks: bool = False) -> int | None:
    """Show a table of plain texts and numbers, and its CSV with every row.

    Args:
        picks: whether a row can be picked; its place is returned as soon as it is, and once.
    """
    if len(frame) > ROWS:
        st.caption(f"The first {ROWS} of {len(frame)} rows; the CSV has all.")
    picked: int | None = None
    if picks:
        event: Any = st.dataframe(
            frame.head(ROWS),
            hide_index=True,
            alt=alt,
            on_select="rerun",
            selection_mode="single-row",
            key=f"table-{name}",
        )
        rows = list(event.selection.rows)
        if rows != st.session_state.get(f"picked-{name}", []):
            st.session_state[f"picked-{name}"] = rows
            picked = rows[0] if rows else None
    else:
        st.dataframe(frame.head(ROWS), hide_index=True, alt=alt)
    label, to_csv = f"CSV ({counted([len(frame)], 'rows')})", partial(frame.to_csv, index=False)
    st.download_button(label, to_csv, f"{name}.csv", "text/csv", on_click="ignore", key=f"csv-{name}")
    return picked


def figure(name: str, key: Hashable, make: Callable[[], Figure], alt: str) -> None:
    """Show a figure and its files, or why there is none; it is drawn once for its name and `key`, what else it depends on."""
    try:
        svg = _svg(name, key, make)
    except (ValueError, TlbenchError) as error:
        st.text(f"No figure: {error}")
        return
    with st.container(key=f"figure-{name}"):
        st.image(svg, width="content", alt=alt)
    with st.container(horizontal=True):
        for kind, mime in FORMATS.items():
            file, end = partial(file_of, make, kind.lower()), kind.lower()
            words: dict[str, Any] = {"key": f"{kind}-{name}", "help": f"{alt}, as {kind}"}
            st.download_button(kind, file, f"{name}.{end}", mime, on_click="ignore", **words)


@st.cache_data(max_entries=200, show_spinner=False)
def _svg(name: str, key: Hashable, _make: Callable[[], Figure]) -> str:
    return as_svg(_make())


def file_of(make: Callable[[], Figure], kind: str) -> bytes:
    """Draw a figure as an svg, png or pdf file when it is asked for."""
    return as_file(make(), kind)


def pick(label: str, name: str, options: Sequence[str], words: Callable[[str], str] = str) -> str | None:
    """Show a list to pick one of, kept in the link under `name`; None where there is nothing."""
    held = st.session_state.get(name)
    kept = list(options[:CHOICES])
    if isinstance(held, str) and held in options and held not in kept:
        kept.append(held)  # what is picked stays, also where it is beyond the longest list
    if len(options) > len(kept):
        st.caption(f"{len(kept)} of {len(options)} are listed: narrow the filters for the others.")
    drop_unknown(name, kept)
    if not kept:
        return None
    if st.session_state.get(name) is None:
        st.session_state[name] = kept[0]
    return st.selectbox(label, kept, key=name, format_func=words)
