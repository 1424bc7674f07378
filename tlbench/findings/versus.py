"""Two methods, or two sweeps, against each other: the difference of their gains, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tlbench.findings.differences import CellDifferences, Tested, cell_differences, metric_of
from tlbench.findings.judgement import judge
from tlbench.findings.rule import Rule
from tlbench.store.record_rows import UNKNOWN
from tlbench.store.runs import RunStore

SEEDS = ["place", "n_seeds", "first_gain", "second_gain", "seeds_won", "seeds_lost"]
COLUMNS = [*SEEDS[:4], "difference", "half", "p", "p_corrected", *SEEDS[4:], "outcome"]
OUTCOMES = {"positive": "first", "negative": "second"}
"""Of a flag; whether a difference is within the margin is not said."""


def versus(store: RunStore, first: pd.DataFrame, second: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return one row a place that both have: gain of the first minus gain of the second, over the seeds that both have.

    Seeds and test examples are both random, as in a cell's gain; where both were compared with one reference run, or one is the
    other's reference, the difference is of the two runs themselves.

    Args:
        first, second: rows of the tidy table that are done, under one selection, with a column `place` that says which cells
            belong together; a place and seed at most once.

    Returns:
        COLUMNS: gains and difference (points; a reference's own gain is 0), half (of the 1 - alpha interval; nan with one seed),
        p (two-sided; nan with fewer than three seeds), p_corrected (over these places), seeds_won and seeds_lost (by the first),
        outcome (`first`, `second`, `same runs`, or `` where noise could explain it).

    Raises:
        ValueError: a place has a seed twice.
    """
    columns = ["place", "seed", "run_key", "step", "metric", "gain", "reference_run", "reference_step"]
    for table in (first, second):
        if table.duplicated(["place", "seed"]).any():
            raise ValueError("A comparison takes each place and seed once.")
    mine = first.reindex(columns=[*columns, UNKNOWN])
    both = mine.merge(second[columns], on=["place", "seed", "metric"], suffixes=("_a", "_b"))
    found = []
    for place, own in both.groupby("place", sort=True):
        rows = [row for row in own.itertuples() if _comparable(row)]
        pairs = [pair for row in rows if (pair := _pair(store, row)) is not None]
        if pairs and len(pairs) == len(rows):
            found.append((place, rows, cell_differences(pairs, metric_of(own), per_class=False)))
    return _judged(found, rule)


def _comparable(row: Any) -> bool:
    return _one_reference(row) or not (pd.isna(row.gain_a) or pd.isna(row.gain_b))


def _one_reference(row: Any) -> bool:
    """Tell whether what the two are compared with cancels out."""
    reference_a, reference_b = (row.reference_run_a, row.reference_step_a), (row.reference_run_b, row.reference_step_b)
    same = isinstance(row.reference_run_a, str) and reference_a == reference_b
    is_other, is_mine = reference_a == (row.run_key_b, row.step_b), reference_b == (row.run_key_a, row.step_a)
    return same or is_other or is_mine or row.run_key_a == row.run_key_b


def _pair(store: RunStore, row: Any) -> tuple[Tested, Tested] | None:
    """Return the sides of one seed, so that the difference of their `right` is that of the gains; None for other examples."""
    places = [(row.run_key_a, row.step_a), (row.run_key_b, row.step_b)]
    if not _one_reference(row):
        places += [(row.reference_run_a, row.reference_step_a), (row.reference_run_b, row.reference_step_b)]
    a, b, *references = sides = [Tested.read(store, key, step) for key, step in places]
    if not all(np.array_equal(side.row, a.row) for side in sides):
        return None
    if not references:
        return a, b
    # a - reference of a - (b - reference of b), with the sums on either side
    return a.beside(references[1]), b.beside(references[0])


def _judged(found: list[tuple[Any, list[Any], CellDifferences]], rule: Rule) -> pd.DataFrame:
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    said = judge([differences for *_, differences in found], rule)
    rows, outcomes = [], []
    for (place, runs, _), flag in zip(found, said.flag, strict=True):
        # a reference's gain over itself is 0
        first, second = (np.nan_to_num([getattr(run, side) for run in runs]) for side in ("gain_a", "gain_b"))
        difference = first - second
        won, lost = int((difference > 1e-9).sum()), int((difference < -1e-9).sum())
        rows.append((place, len(runs), np.mean(first), np.mean(second), won, lost))
        same = all(run.run_key_a == run.run_key_b for run in runs)
        outcomes.append("same runs" if same else OUTCOMES.get(flag, ""))
    numbers = {"difference": said.gain, "half": said.half, "p": said.p, "p_corrected": said.p_corrected}
    return pd.DataFrame(rows, columns=SEEDS).assign(**numbers, outcome=outcomes)[COLUMNS]
