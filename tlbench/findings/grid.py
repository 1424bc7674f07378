"""Cells laid out as pairs by methods, one grid a block; used by every table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from tlbench.findings.cells import BLOCK, by_setting, kind_of_pair
from tlbench.findings.names import block_title, method_name, natural, pair_title

Means = dict[str, tuple[float, float]]
MOST_COLUMNS = 6
"""Methods beside each other: with names of two or three words they fill a page of 1,280 pixels, or a terminal of 120 columns."""
MANY_COLUMNS = 12
"""Of a table that is not one of cells, from which it is folded."""
FAMILIES = ("reference", "instance", "feature", "adversarial", "self-training", "parameter")


@dataclass(frozen=True)
class Grid:
    """One block (data set, protocol, backbone, classifier, metric) in one setting.

    Attributes:
        cells: (pair, method name) to the cell, a named tuple of a summary's row.
        averages: name of an average row (of the pairs with one source; of those with several) to method name to mean score
            and gain over these pairs, nan where one is missing.
    """

    title: str
    pairs: list[str]
    methods: list[str]
    cells: dict[tuple[str, str], Any]
    averages: dict[str, Means]
    reference: str


def folded(names: Sequence[str], most: int = MOST_COLUMNS) -> list[list[str]]:
    """Divide the columns of a table into parts of about equal length, each of at most that many."""
    n = max(1, ceil(len(names) / most))
    return [list(part) for part in np.array_split(np.array(names, dtype=object), n)]


def folded_table(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Divide a table of very many columns likewise, the first column in each part."""
    if table.shape[1] <= MANY_COLUMNS:
        return [table]
    places = folded([str(place) for place in range(1, table.shape[1])])
    return [table.iloc[:, [0, *map(int, part)]] for part in places]


def grids(cells: pd.DataFrame) -> Iterator[Grid]:
    """Yield the blocks of a summary, in its order; references first among the methods."""
    if cells.empty:
        return
    for key, setting, block in _blocks(cells):
        order = block.assign(rank=[FAMILIES.index(f) if f in FAMILIES else 99 for f in block["family"]])
        order = order.assign(counted=order["variant"].map(natural))
        order = order.sort_values(["rank", "method", "counted"], kind="stable")
        rows = list(order.itertuples())
        methods = list(dict.fromkeys(method_name(row) for row in rows))
        titles = {pair: pair_title(pair) for pair in sorted(block["pair"].unique())}
        if len(set(titles.values())) < len(titles):  # two sets of sources that begin and end alike
            titles = dict(zip(titles, titles, strict=True))
        pairs = sorted(titles.values(), key=natural)
        found = {(titles[row.pair], method_name(row)): row for row in rows}
        if len(found) < len(rows):
            raise ValueError("two cells of one pair and method bear the same name; one would hide the other")
        references = sorted({str(row.reference) for row in rows if not pd.isna(row.reference)})
        title = block_title(tuple(map(str, key)), setting)  # type: ignore[arg-type]
        yield Grid(title, pairs, methods, found, _averages(found, pairs, methods), ", ".join(references))


def cells_in(grid: Grid, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a summary that a grid holds."""
    return cells[cells["cell_key"].isin([cell.cell_key for cell in grid.cells.values()])]


def _blocks(cells: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], str, pd.DataFrame]]:
    """Yield what one table holds: cells of one protocol, recipe and setting."""
    for key, block in cells.groupby(BLOCK, sort=False):
        for setting, own in by_setting(block):
            yield tuple(key), setting, own


def _averages(cells: dict[tuple[str, str], Any], pairs: list[str], methods: list[str]) -> dict[str, Means]:
    """Average apart the pairs with one source, those with several and chains, which are other tasks."""
    names = {"one source": "average", "several sources": "average, several sources", "chains": "average, chains"}
    named = {name: [pair for pair in pairs if kind_of_pair(pair) == kind] for kind, name in names.items()}
    return {name: {m: _mean(cells, own, m) for m in methods} for name, own in named.items() if own}


def _mean(cells: dict[tuple[str, str], Any], pairs: list[str], method: str) -> tuple[float, float]:
    own = [cells.get((pair, method)) for pair in pairs]
    scores = [float("nan") if c is None else c.score for c in own]
    gains = [float("nan") if c is None else c.gain for c in own]
    return sum(scores) / len(own), sum(gains) / len(own)  # nan as soon as one pair lacks a number
