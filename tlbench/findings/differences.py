"""What the flags of cells rest on: example by example, runs against their references, for all seeds of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from tlbench.metrics import metric_named
from tlbench.transfer.crossed_gain import FEWEST_SEEDS, Crossed, crossed
from tlbench.transfer.gain import sign_flip_p

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore

COLUMNS = ("row", "group", "label", "prediction")
READ = ["run_key", "step", "reference_run", "reference_step", "draws"]
MANY = 3000
"""Runs from which a process per core pays for its start."""


@dataclass(frozen=True)
class Tested:
    """A run's test at one checkpoint, arrays of length N."""

    row: np.ndarray
    group: np.ndarray
    label: np.ndarray
    right: np.ndarray

    @classmethod
    def read(cls, store: RunStore, key: str, step: float) -> Tested:
        row, group, label, prediction = store.arrays_at_step(key, int(step), COLUMNS)
        return cls(row, group, label, prediction == label)


@dataclass(frozen=True)
class CellDifferences:
    """Gain of a cell and its variance, as a whole and class by class (None: a class without test examples).

    `exact_p`: where no seed changes anything on any example, the exact p-value of the whole; else None.
    """

    whole: Crossed
    classes: list[Crossed | None]
    exact_p: float | None


class Differences:
    """Reads predictions of a store; each file once while its pair is worked on.

    Args:
        per_class: whether classes are looked at too.
    """

    def __init__(self, store: RunStore, *, per_class: bool = True) -> None:
        self.store, self.per_class = store, per_class
        self._tested: dict[tuple[str, float], Tested] = {}

    def of(self, runs: pd.DataFrame) -> dict[str, CellDifferences]:
        """Return them by cell key, for rows of `read_runs` under one selection, all of which have a gain."""
        wanted = runs.reindex(columns=["dataset", "pair", "cell_key", "metric", *READ])
        pairs = [table for _, table in wanted.groupby(["dataset", "pair"], sort=False)]
        if len(runs) < MANY:
            parts = [self._of_pair(pair) for pair in pairs]
        else:
            parts = Parallel(n_jobs=min(cpu_count(), 8))(delayed(self._of_pair)(pair) for pair in pairs)
        return {key: found for part in parts for key, found in part.items()}

    def _of_pair(self, pair: pd.DataFrame) -> dict[str, CellDifferences]:
        self._tested.clear()  # references are shared within a pair only
        return {str(key): self._of_cell(own) for key, own in pair.groupby("cell_key", sort=False)}

    def _of_cell(self, own: pd.DataFrame) -> CellDifferences:
        pairs = []
        for run in own[READ].itertuples():
            mine, other = self._read(run.run_key, run.step), self._read(run.reference_run, run.reference_step)
            if not np.array_equal(mine.row, other.row):
                raise ValueError(f"runs {run.run_key} and {run.reference_run} were tested on different examples")
            pairs.append((mine, other))
        if len(pairs) < FEWEST_SEEDS and all(run.draws is False for run in own.itertuples()):
            pairs = pairs[:1] * FEWEST_SEEDS  # nothing is drawn: other seeds would be this one again
        return cell_differences(pairs, own["metric"].iloc[0], per_class=self.per_class)

    def _read(self, key: str, step: float) -> Tested:
        if (key, step) not in self._tested:
            self._tested[key, step] = Tested.read(self.store, key, step)
        return self._tested[key, step]


def cell_differences(pairs: Sequence[tuple[Tested, Tested]], metric: str, *, per_class: bool = True) -> CellDifferences:
    """Work them out from the (run, reference) of each seed.

    Args:
        metric: name of what gains are over.
    """
    label = np.concatenate([mine.label for mine, _ in pairs])
    weight = np.concatenate([_weights(mine.label, metric) for mine, _ in pairs])
    sign = np.concatenate([mine.right.astype(np.int8) - other.right.astype(np.int8) for mine, other in pairs])
    seed = np.repeat(np.arange(len(pairs)), [len(mine.row) for mine, _ in pairs])
    group = np.unique(np.concatenate([mine.group for mine, _ in pairs]), return_inverse=True)[1]

    def part(chosen: np.ndarray) -> Crossed | None:
        units = np.unique(group[chosen], return_inverse=True)[1]
        n_units = int(units.max()) + 1
        place, shape = seed[chosen] * n_units + units, (len(pairs), n_units)
        weights = np.bincount(place, weight[chosen], n_units * len(pairs)).reshape(shape)
        if not (weights.sum(axis=1) > 0).all():
            return None  # a seed's test part lacks the class
        sums = np.bincount(place, weight[chosen] * sign[chosen], n_units * len(pairs)).reshape(shape)
        return crossed(sums, weights)

    whole = part(np.arange(len(sign)))
    assert whole is not None
    classes: list[Crossed | None] = []
    if per_class:
        order = np.argsort(label, kind="stable")
        ends = np.searchsorted(label[order], np.arange(label.max() + 2))
        classes = [part(order[a:b]) if a < b else None for a, b in pairwise(ends)]
    exact = None
    if whole.seed_var == 0 and metric_named(metric).exact:
        first = seed == 0
        exact = sign_flip_p(np.bincount(group[first], sign[first]).astype(np.int64))
    return CellDifferences(whole, classes, exact)


def _weights(labels: np.ndarray, metric: str) -> np.ndarray:
    weights = metric_named(metric).weights(labels)
    return np.full(len(labels), 1.0 / len(labels)) if weights is None else weights
