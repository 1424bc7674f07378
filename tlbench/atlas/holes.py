"""What is planned and not there: the holes of the atlas, by name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from tlbench.store.plans import planned
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables

FILE = "holes.csv"
COLUMNS = ["dataset", "pair", "protocol", "backbone", "classifier", "method", "seed", "run_key", "status", "reason"]
LONGEST = 200


def holes_of(store: RunStore, keys: Collection[str] | None = None) -> pd.DataFrame:
    """Return the runs that a store's sweeps set out to do and that are not done: COLUMNS, with the reason where there is one.

    Args:
        keys: of the runs that count; None: all that are planned.
    """
    wanted, runs = planned(store).runs, read_tables(store).runs
    if keys is not None:
        wanted = wanted[wanted["run_key"].isin(set(keys))]
    states = runs.drop_duplicates("run_key").set_index("run_key")[["status", "reason"]]
    found = wanted.join(states, on="run_key").fillna({"status": "missing", "reason": ""})
    found = found[found["status"] != "done"].reindex(columns=COLUMNS)
    return found.assign(reason=found["reason"].astype(str).str.slice(0, LONGEST)).sort_values(
        COLUMNS, ignore_index=True
    )


def read_holes(folder: Path) -> pd.DataFrame:
    """Return the holes that the atlas of a folder names."""
    path = folder / FILE
    return pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame(columns=COLUMNS)


def write_holes(folder: Path, holes: pd.DataFrame) -> None:
    """Write them; no file where there is none."""
    if len(holes):
        holes.to_csv(folder / FILE, index=False)
    else:
        (folder / FILE).unlink(missing_ok=True)


def told_holes(holes: pd.DataFrame) -> pd.DataFrame:
    """Return how many runs each method lacks on each data set, and the first reason: method, dataset, status, runs, reason."""
    groups = holes.groupby(["method", "dataset", "status"], as_index=False)
    return groups.agg(runs=("run_key", "size"), reason=("reason", "first"))
