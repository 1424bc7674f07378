"""Which runs of a store count: `method=dann,mmd`, `optim.lr=0.05`, `pair!=A-W`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from tlbench.errors import TlbenchError, unknown
from tlbench.store.plans import Planned, configs_of
from tlbench.store.reading import StoreReader
from tlbench.store.setting_columns import in_words, with_settings
from tlbench.store.table import Tables

SHOWN = 8
"""Values of a column that an error names."""


@dataclass(frozen=True)
class Condition:
    """A column's values that count, or, with `apart`, that do not; `whole`: one value, where the column has it."""

    column: str
    values: tuple[str, ...]
    apart: bool = False
    whole: str = ""

    @classmethod
    def of(cls, text: str) -> Condition:
        """Read `COLUMN=VALUE,VALUE` or `COLUMN!=VALUE`. Raises TlbenchError for anything else."""
        left, equals, right = text.partition("=")
        column = left.removesuffix("!").strip()
        if not (equals and column and right.strip()):
            raise TlbenchError(
                f"--where {text}: COLUMN=VALUE is needed, or COLUMN=VALUE,VALUE or COLUMN!=VALUE, such as --where method=dann."
            )
        return cls(column, tuple(value.strip() for value in right.split(",")), left.endswith("!"), right.strip())

    def holds(self, column: pd.Series) -> pd.Series:
        """Tell for each row whether it counts; `null` stands for what is not set."""
        words, whole = column.map(_word), _word(self.whole)
        wanted = {whole} if (words == whole).any() else {_word(value) for value in self.values}
        return ~words.isin(wanted) if self.apart else words.isin(wanted)


def narrowed(store: StoreReader, tables: Tables, plans: Planned, conditions: Sequence[str]) -> tuple[Tables, Planned]:
    """Return what of a store's runs and plans all conditions hold for. Gains stay those over the whole store's references.

    Raises:
        TlbenchError: there is no such column, or no run for which all hold.
    """
    wanted = [Condition.of(text) for text in conditions]
    configs = configs_of(store, tables.runs, plans)
    runs, plan = (_rows(with_settings(table, configs), wanted, tables.runs) for table in (tables.runs, plans.runs))
    kept = tables.runs[runs]
    left_out = set(tables.runs["run_key"]) - set(kept["run_key"])  # what is there and does not count is awaited no more
    awaited = plans.runs[plan & ~plans.runs["run_key"].isin(left_out)]
    if kept.empty:
        there = _what_there_is(with_settings(tables.runs, configs), wanted)
        raise TlbenchError(f"No run of store '{store.where}' is left. {there} Set by --where.")
    checkpoints, distances = (t[t["run_key"].isin(kept["run_key"])] for t in (tables.checkpoints, tables.distances))
    left = replace(tables, runs=kept.reset_index(drop=True), checkpoints=checkpoints, distances=distances)
    return left, replace(plans, runs=awaited.reset_index(drop=True))


def _rows(table: pd.DataFrame, wanted: Sequence[Condition], runs: pd.DataFrame) -> pd.Series:
    """Tell which rows count; a column that only finished runs have says nothing of a planned one."""
    mask = pd.Series(True, table.index)
    for condition in wanted:
        if condition.column in table:
            mask &= condition.holds(table[condition.column])
        elif condition.column not in runs:
            raise unknown("column", condition.column, table.columns, f"--where {condition.column}=...")
    return mask


def _what_there_is(table: pd.DataFrame, wanted: Sequence[Condition]) -> str:
    lines = []
    for condition in wanted:
        words = sorted(set(table[condition.column].map(_word)))
        more = f", and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
        lines.append(f"{condition.column} is {', '.join(words[:SHOWN])}{more}.")
    return " ".join(lines)


def _word(value: Any) -> str:
    """Return a value as one word, so that 1, 1.0 and "1" are one."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "null"
    try:
        number = float(value)
    except (TypeError, ValueError):
        return in_words(value)
    if isinstance(value, bool) or number != number:
        return in_words(value)
    return str(int(number)) if number.is_integer() else f"{number:.12g}"
