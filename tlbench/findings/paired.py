"""Predictions of a cell's runs beside those of their references, read from the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from tlbench.findings.cells import compared
from tlbench.findings.names import class_name

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore

SEEDS = "seed_gains"
"""Column with the gains of single seeds, a list a row."""
Paired = list[tuple[pd.DataFrame, pd.DataFrame]]
"""(predictions of a run, predictions of its reference), one for each seed."""


def paired_predictions(store: RunStore, runs: pd.DataFrame, cell_key: str, selection: str) -> Paired:
    """Return the test predictions of each run of a cell under a selection, and of its reference under the same, by seed.

    Args:
        runs: tidy table (`read_runs`).

    Returns:
        Tables of `RunStore.at_step`: row, id, group, label, prediction, confidence. Empty where no run has a gain.
    """
    own = compared(runs, selection)
    own = own[own["cell_key"] == cell_key].sort_values("seed")
    return [
        (store.at_step(run.run_key, int(run.step)), store.at_step(run.reference_run, int(run.reference_step)))
        for run in own.itertuples()
    ]


def class_gains_by_seed(pairs: Paired, names: Sequence[str]) -> dict[str, list[float]]:
    """Return each class's name to the gains of its accuracy (points), a number for each seed that was tested on it."""
    found: dict[str, list[float]] = {}
    for mine, reference in pairs:
        right = (mine["prediction"] == mine["label"]).astype(float) - (reference["prediction"] == reference["label"])
        for number, gain in (100 * right).groupby(mine["label"]).mean().items():
            found.setdefault(class_name(int(number), names), []).append(float(gain))
    return found
