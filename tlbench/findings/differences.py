"""What the flags of cells rest on: example by example, runs against their references, for all seeds of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from tlbench.metrics import Metric, metric_named
from tlbench.store.record_rows import UNKNOWN
from tlbench.transfer.crossed_gain import FEWEST_SEEDS, Crossed, crossed
from tlbench.transfer.gain import sign_flip_p

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore

COLUMNS = ("row", "group", "label", "prediction")
READ = ["run_key", "step", "reference_run", "reference_step", "draws"]
METRIC = ["metric", UNKNOWN]
MANY = 3000
"""Runs from which a process per core pays for its start."""


@dataclass(frozen=True)
class Tested:
    """A run's test at one checkpoint, arrays of length N.

    `sides`: the tests that are added up in this one; none for a test of one run.
    """

    row: np.ndarray
    group: np.ndarray
    label: np.ndarray
    right: np.ndarray
    sides: tuple[Tested, ...] = ()

    @classmethod
    def read(cls, store: RunStore, key: str, step: float) -> Tested:
        row, group, label, prediction = store.arrays_at_step(key, int(step), COLUMNS)
        return cls(row, group, label, prediction == label)

    def beside(self, other: Tested) -> Tested:
        """Return the sum of two tests on the same examples."""
        right = self.right.astype(np.int8) + other.right.astype(np.int8)
        return replace(self, right=right, sides=(self, other))

    def parts(self, metric: Metric) -> np.ndarray:
        """Return (N,) what each example adds to the score, or to the sum of the sides' scores."""
        if self.sides:
            return np.sum([side.parts(metric) for side in self.sides], axis=0)
        return metric.parts(self.label, self.right)


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
        wanted = runs.reindex(columns=["dataset", "pair", "cell_key", *METRIC, *READ])
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
        return cell_differences(pairs, metric_of(own), per_class=self.per_class)

    def _read(self, key: str, step: float) -> Tested:
        if (key, step) not in self._tested:
            self._tested[key, step] = Tested.read(self.store, key, step)
        return self._tested[key, step]


def metric_of(runs: pd.DataFrame) -> Metric:
    """Return what gains are over, of rows of the tidy table of one data set."""
    name, unknown_class = runs[METRIC].iloc[0]
    return metric_named(name, None if pd.isna(unknown_class) else int(unknown_class))


def cell_differences(
    pairs: Sequence[tuple[Tested, Tested]], metric: Metric | str, *, per_class: bool = True
) -> CellDifferences:
    """Work them out from the (run, reference) of each seed.

    Args:
        metric: what gains are over; its name will do where no class is unknown.
    """
    metric = metric_named(metric) if isinstance(metric, str) else metric
    label = np.concatenate([mine.label for mine, _ in pairs])
    weight = np.concatenate([_weights(mine.label, metric) for mine, _ in pairs])
    sign = np.concatenate([mine.right.astype(np.int8) - other.right.astype(np.int8) for mine, other in pairs])
    seed = np.repeat(np.arange(len(pairs)), [len(mine.row) for mine, _ in pairs])
    group = np.unique(np.concatenate([mine.group for mine, _ in pairs]), return_inverse=True)[1]

    def part(chosen: np.ndarray, weight: np.ndarray) -> Crossed | None:
        units = np.unique(group[chosen], return_inverse=True)[1]
        n_units = int(units.max()) + 1
        place, shape = seed[chosen] * n_units + units, (len(pairs), n_units)

        def summed(values: np.ndarray) -> np.ndarray:
            return np.bincount(place, values[chosen], n_units * len(pairs)).reshape(shape)

        weights = summed(weight)
        if not (weights.sum(axis=1) > 0).all():
            return None  # a seed's test part lacks the class
        if metric.joined is None or len(chosen) < len(sign):
            return crossed(summed(weight * sign), weights)
        added = np.concatenate([mine.parts(metric) - other.parts(metric) for mine, other in pairs])
        return crossed(summed(added), weights, summed(_class_means(added, label, seed)))

    whole = part(np.arange(len(sign)), weight)
    assert whole is not None
    classes: list[Crossed | None] = []
    if per_class:
        order = np.argsort(label, kind="stable")
        ends = np.searchsorted(label[order], np.arange(label.max() + 2))
        alike = np.where(weight > 0, weight, 1.0)  # a class that the metric leaves out has a gain of its own, too
        classes = [part(order[a:b], alike) if a < b else None for a, b in pairwise(ends)]
    exact = None
    if whole.seed_var == 0 and metric.exact:
        first = seed == 0
        exact = sign_flip_p(np.bincount(group[first], sign[first]).astype(np.int64))
    return CellDifferences(whole, classes, exact)


def _class_means(values: np.ndarray, label: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Return for each example the mean value of its class under its seed."""
    place = np.unique(np.stack([seed, label]), axis=1, return_inverse=True)[1].reshape(-1)
    return (np.bincount(place, values) / np.bincount(place))[place]


def _weights(labels: np.ndarray, metric: Metric) -> np.ndarray:
    weights = None if metric.joined is not None else metric.weights(labels)
    return np.full(len(labels), 1.0 / len(labels)) if weights is None else weights
