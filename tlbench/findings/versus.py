"""Two methods, or two sweeps, against each other: the difference of their gains, cell by cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tlbench.findings.differences import COLUMNS as TESTED
from tlbench.findings.differences import CellDifferences, Tested, cell_differences
from tlbench.findings.judgement import judge
from tlbench.findings.rule import Rule
from tlbench.store.runs import RunStore

COLUMNS = ["place", "n_seeds", "first_gain", "second_gain", "difference", "half", "p", "p_corrected", "seeds_won",
           "seeds_lost", "outcome"]  # fmt: skip
OUTCOMES = {"positive": "first", "negative": "second"}
"""Of a flag; whether a difference is within the margin is not said."""


def versus(store: RunStore, first: pd.DataFrame, second: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """One row a place that both have: gain of the first minus gain of the second, over the seeds that both have.

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
    both = first[columns].merge(second[columns], on=["place", "seed", "metric"], suffixes=("_a", "_b"))
    found = []
    for place, own in both.groupby("place", sort=True):
        rows = [row for row in own.itertuples() if _comparable(row)]
        pairs = [pair for row in rows if (pair := _pair(store, row)) is not None]
        if pairs and len(pairs) == len(rows):
            found.append((place, rows, cell_differences(pairs, own["metric"].iloc[0], per_class=False)))
    return _judged(found, rule)


def _comparable(row: Any) -> bool:
    return _one_reference(row) or not (pd.isna(row.gain_a) or pd.isna(row.gain_b))


def _one_reference(row: Any) -> bool:
    """Whether what the two are compared with cancels out."""
    same = isinstance(row.reference_run_a, str) and (row.reference_run_a, row.reference_step_a) == (
        row.reference_run_b, row.reference_step_b)  # fmt: skip
    is_other = (row.reference_run_a, row.reference_step_a) == (row.run_key_b, row.step_b)
    is_mine = (row.reference_run_b, row.reference_step_b) == (row.run_key_a, row.step_a)
    return same or is_other or is_mine or row.run_key_a == row.run_key_b


def _pair(store: RunStore, row: Any) -> tuple[Tested, Tested] | None:
    """The two sides of one seed, so that the difference of their `right` is that of the gains; None for different examples."""
    a, b = _tested(store, row.run_key_a, row.step_a), _tested(store, row.run_key_b, row.step_b)
    sides = [a, b]
    if not _one_reference(row):
        sides += [_tested(store, row.reference_run_a, row.reference_step_a),
                  _tested(store, row.reference_run_b, row.reference_step_b)]  # fmt: skip
    if not all(np.array_equal(side.row, a.row) for side in sides):
        return None
    if len(sides) == 2:
        return a, b
    right = [side.right.astype(np.int8) for side in sides]
    return replace(a, right=right[0] + right[3]), replace(b, right=right[1] + right[2])


def _tested(store: RunStore, key: str, step: float) -> Tested:
    row, group, label, prediction = store.arrays_at_step(key, int(step), TESTED)
    return Tested(row, group, label, prediction == label)


def _judged(found: list[tuple[Any, list[Any], CellDifferences]], rule: Rule) -> pd.DataFrame:
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    said = judge([differences for *_, differences in found], rule)
    rows = []
    for i, (place, runs, _) in enumerate(found):
        by_seed = [_gain(run.gain_a) - _gain(run.gain_b) for run in runs]
        same = all(run.run_key_a == run.run_key_b for run in runs)
        rows.append(
            {"place": place, "n_seeds": len(runs), "first_gain": np.mean([_gain(run.gain_a) for run in runs]),
             "second_gain": np.mean([_gain(run.gain_b) for run in runs]), "seeds_won": sum(d > 1e-9 for d in by_seed),
             "seeds_lost": sum(d < -1e-9 for d in by_seed),
             "outcome": "same runs" if same else OUTCOMES.get(said.flag[i], "")}
        )  # fmt: skip
    numbers = {"difference": said.gain, "half": said.half, "p": said.p, "p_corrected": said.p_corrected}
    return pd.DataFrame(rows).assign(**numbers)[COLUMNS]


def _gain(value: float) -> float:
    """A reference's gain over itself is 0."""
    return 0.0 if pd.isna(value) else float(value)
