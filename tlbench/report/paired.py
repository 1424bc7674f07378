"""Predictions of a cell's runs beside those of their references, read from the store."""

from __future__ import annotations

import pandas as pd

from tlbench.report.cells import compared
from tlbench.results.store import RunStore

Paired = list[tuple[pd.DataFrame, pd.DataFrame]]
"""(predictions of a run, predictions of its reference), one for each seed."""


def paired_predictions(store: RunStore, runs: pd.DataFrame, cell_key: str, selection: str) -> Paired:
    """Test predictions of each run of a cell under a selection, and of its reference under the same, by seed.

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
