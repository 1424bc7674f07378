"""How far a sweep is, from its plan and what the store holds: states, what is left, failures by kind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

KIND = ["dataset", "protocol", "backbone", "classifier", "method"]
"""What runs share that take about as long; pairs and seeds differ little."""
STATES = ("done", "failed", "skipped", "running", "queued", "left")


@dataclass(frozen=True)
class Progress:
    """One sweep.

    Attributes:
        states: how many of its runs are in each of STATES.
        seconds: of a core that the unfinished ones of a known kind are expected to take; `n_unknown` are of none.
        failures: failure (its kind), reason, n, run_key (of the first), command; one row a reason, most runs first.
    """

    states: dict[str, int]
    seconds: float
    n_unknown: int
    failures: pd.DataFrame


def progress(planned: pd.DataFrame, runs: pd.DataFrame, running: Collection[str], queued: Collection[str]) -> Progress:
    """Say how far a sweep is.

    Args:
        planned: its rows of `tlbench.store.plans.Planned.runs`.
        runs: the tidy table of the store.
        running, queued: keys of runs that some process is at, or that wait in the queue of a cluster.
    """
    known = runs.drop_duplicates("run_key").set_index("run_key")
    rows = planned.join(known[["status", "reason", "failure"]], on="run_key")
    state = rows["status"].where(rows["status"].notna(), "left")
    open_ = state.isin(["left", "failed"])
    state = state.mask(open_ & rows["run_key"].isin(list(queued)), "queued")
    state = state.mask(open_ & rows["run_key"].isin(list(running)), "running")
    unfinished = rows[state.isin(["left", "queued", "running"])]
    finished = known[known["status"] == "done"]
    usual = finished.groupby(KIND)["seconds"].median().rename("expected")
    expected = unfinished.join(usual, on=KIND)["expected"]
    counts = state.value_counts()
    return Progress(
        {name: int(counts.get(name, 0)) for name in STATES},
        float(expected.sum()),
        int(expected.isna().sum()),
        _failures(rows[state == "failed"]),
    )


def _failures(failed: pd.DataFrame) -> pd.DataFrame:
    told = failed.assign(failure=failed["failure"].fillna("failed"))
    by = told.groupby(["failure", "reason"], sort=False)
    first = by.first()[["run_key", "command"]]
    return (
        first.assign(n=by.size())
        .reset_index()
        .sort_values(["n", "failure"], ascending=[False, True], ignore_index=True)
    )
