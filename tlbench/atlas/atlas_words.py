"""How pages of the atlas write numbers and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tlbench.findings.number_format import number, plus_minus, points

DASH = "–"
ALIKE = (
    "Families of data count alike: shares and gains are means over families, ± half a 95 % t interval over them where "
    "they are four or more."
)


@dataclass(frozen=True)
class Atlas:
    """What pages are made of: rows (`atlas_rows`), their cells (`atlas_cells`), holes, and the fine-tuned runs beside."""

    rows: pd.DataFrame
    cells: pd.DataFrame
    holes: pd.DataFrame
    fine_tuned: pd.DataFrame


def lines_of(table: pd.DataFrame) -> list[str]:
    """Write a table of texts in Markdown."""
    head = [f"| {' | '.join(map(str, table.columns))} |", "|---" * len(table.columns) + "|"]
    return [*head, *(f"| {' | '.join(map(str, row))} |" for row in table.itertuples(index=False)), ""]


def in_texts(table: pd.DataFrame, columns: Mapping[str, tuple[str, str]], most: int | None = None) -> pd.DataFrame:
    """Return a table as texts.

    Args:
        columns: heading to (column, how it is written): `word`, `count`, `percent`, `gain` or `points` (with the half width
            in COLUMN_half, where there is one), `area`.
        most: rows.
    """
    own = table if most is None else table.head(most)
    return pd.DataFrame({
        heading: [_text(row, column, how) for row in own.to_dict("records")] for heading, (column, how) in columns.items()
    })  # fmt: skip


def _text(row: Mapping[Any, Any], column: str, how: str) -> str:
    value, half = row[column], row.get(f"{column}_half", float("nan"))
    if how == "word":
        return str(value)
    if pd.isna(value):
        return DASH
    if how == "count":
        return f"{int(value):,}"
    if how == "percent":
        return f"{value:.0f}" if pd.isna(half) else f"{value:.0f} ± {half:.0f}"
    if how == "area":
        return number(value) if pd.isna(half) else f"{number(value)} ± {number(half)}"
    return plus_minus(value, half, signed=how == "gain")


def wide_texts(table: pd.DataFrame, name: str = "method") -> pd.DataFrame:
    """Return a table of gains, a row a method, as texts."""
    shown = table.map(lambda value: points(value, signed=True))
    shown.insert(0, name, table.index)
    return shown
