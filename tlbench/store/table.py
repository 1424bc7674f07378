"""A store as one tidy table: one row a run and selection.

Columns (the same in `report --format csv`):
    run_key, recipe_key, cell_key     names of the run, of what it must share with a reference, of its cell
    status, reason, failure           done | failed | skipped, and why; the kind of a failure, see tlbench.running.failures
    dataset, pair, protocol, backbone, classifier, method, family, selection, seed
    setting                           of transfer, `tlbench list settings`; of older runs what pair and protocol tell
    uses_target_labels                the method or the selection used them: ORACLE
    metric, score                     what gains are over (accuracy, mean_class_accuracy, hos, ...), and its value in [0, 1]
    accuracy, mean_class_accuracy, macro_f1, ece    in [0, 1], on the target test part
    os, os_star, unk, hos, closed_accuracy          likewise, of runs with an unknown class
    unknown_class                     the label of that class (none: there is none)
    step                              training step of the chosen checkpoint
    n_source, n_target, n_shots, n_test    labelled source, unlabelled target, labelled target and test examples
    reference, reference_run          the reference that `gain` is against, and its run key (none: it could not be had)
    reference_step                    training step of the reference's checkpoint, under the same selection
    alpha, margin                     1 - level of the run's interval and level of its flag; points up to which a gain is no
                                      effect
    gain, gain_low, gain_high, gain_p, gain_flag    percentage points; see tlbench.transfer.gain.Gain
    warning, warning_version          what unlabelled target examples say of a gain below 0: its probability; of which model
    gain_over_NAME, run_over_NAME, step_over_NAME    gain over each reference that was there, by its name; its run key, and the
                                      step of its checkpoint
    seconds, train_seconds, peak_memory_mb (of the process so far), examples_per_second
    created                           time at which the run ended, UTC
    tags                              the words that it was given, joined by ", "; a later sweep's are in its plan
    harness                           revision of the harness itself (none: 1); runs of two are other cells
    method_revision, method_code      the method's revision, and a hash of its code, which should change with it
    draws                             whether another seed could give other predictions (none: not known)
Files (`runs.csv`, `store export`) have a column for each setting besides, by its key: `method.weight`, `optim.lr`, ...
Rows of runs that are not done have a `selection` too (the one asked for) and no numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa

from tlbench.errors import TlbenchError
from tlbench.store.index import EMPTY, TABLES, Index, layout_of, opened_index, read_index, write_index
from tlbench.store.index import __file__ as index_file
from tlbench.store.reading import StoreReader
from tlbench.store.record_rows import __file__ as rows_file
from tlbench.store.record_rows import record_rows, tidy

TORN = "predictions.parquet is missing; delete the run's folder and run its sweep again"
CHANGED = "predictions.parquet is not what was written (checksum); delete the run's folder and run its sweep again"
FEW = 500
"""Runs up to which reading their records takes less time than reading an index."""
LARGE = 2000
"""Runs from which on a sweep leaves an index."""


@dataclass(frozen=True)
class Tables:
    """What a store holds.

    Attributes:
        runs: the tidy table of this module.
        checkpoints: one row a checkpoint of a finished run: run_key, step, oracle_score (in [0, 1], on target test labels:
            ORACLE), and a column for each validator.
        distances: one row a run and kind of features (`raw`, `trained`): run_key, features, and what
            `tlbench.transfer.pair.measure_pair` gives.
        signals: one row a run and pair of checkpoints, its own and its reference's: run_key, step, reference_step, and a
            column for each of `tlbench.transfer.warning.signals`.
        n_older: runs that an older version left, which this one cannot read.
        damaged: run key to what is wrong with it; their numbers are in none of the tables.
        checked: what was looked at for damage.
    """

    runs: pd.DataFrame
    checkpoints: pd.DataFrame
    distances: pd.DataFrame
    signals: pd.DataFrame
    n_older: int
    damaged: Mapping[str, str] = field(default_factory=dict)
    checked: Checked | None = None


@dataclass(frozen=True)
class Checked:
    """Files of predictions that were compared with their checksums, and how long it took; runs of versions that had none."""

    n_files: int
    n_without: int
    seconds: float


def read_tables(store: StoreReader, keys: Sequence[str] | None = None, *, verify: bool = False) -> Tables:
    """Read the tables of a store, or of some of its runs: from its index where `tlbench store compact` left one, and from newer
    records.

    A record that is not the one that was written is in no table. A finished run whose predictions are gone counts as failed.

    Args:
        verify: whether predictions are compared with their checksums, too: a tenth of a millisecond a run.
    """
    few = keys is not None and len(keys) < FEW
    index = updated(store, EMPTY if few else read_index(store, _layout()), keys)
    return without_torn(store, tables_of(index), index.frame("files") if verify else None)


def without_torn(store: StoreReader, tables: Tables, files: pd.DataFrame | None = None) -> Tables:
    """Count a finished run whose predictions are gone, or others, as failed: nothing can be said of it, but of all others.

    Args:
        files: run_key and predictions (checksum, or None), to be compared with what is there; None: no such look.
    """
    runs, started = tables.runs, time.perf_counter()
    done = runs.loc[runs["status"] == "done", "run_key"].unique()
    torn = {key: TORN for key in done if not store.has_predictions(key)}
    checked = None
    if files is not None:
        known = files if len(files) else pd.DataFrame(columns=["run_key", "predictions"])
        known = known.dropna(subset="predictions")
        wanted = dict(zip(known["run_key"], known["predictions"], strict=True))
        mine = [key for key in done if key in wanted and key not in torn]
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda key: store.checksum(key, "predictions.parquet"), mine)
            torn |= {key: CHANGED for key, value in zip(mine, found, strict=True) if value != wanted[key]}
        checked = Checked(len(mine), len(done) - len(mine), time.perf_counter() - started)
    damaged = {**tables.damaged, **torn}
    if not torn:
        return replace(tables, damaged=damaged, checked=checked)
    rows = runs["run_key"].isin(torn)
    first = runs[rows].drop_duplicates("run_key")
    first = first.assign(status="failed", reason=first["run_key"].map(torn), gain=float("nan"), score=float("nan"))
    runs = pd.concat([runs[~rows], first], ignore_index=True)
    return replace(tables, runs=runs, damaged=damaged, checked=checked)


def updated(store: StoreReader, index: Index, keys: Sequence[str] | None = None) -> Index:
    """Bring an index up to date: read a time and a size of each run, and the records that have changed."""
    return index.updated(store, record_rows, keys)


def tables_of(index: Index) -> Tables:
    """Return the tables that an index holds."""
    checkpoints, distances, signals = (index.frame(name) for name in ("checkpoints", "distances", "signals"))
    return Tables(
        tidy(index.frame("runs")),
        checkpoints if len(checkpoints) else pd.DataFrame(columns=["run_key", "step", "oracle_score"]),
        distances if len(distances) else pd.DataFrame(columns=["run_key", "features"]),
        signals if len(signals) else pd.DataFrame(columns=["run_key", "step", "reference_step"]),
        len(index.older),
        index.damaged,
    )


def compact(store: StoreReader) -> tuple[Path, int]:
    """Write or renew the index of a store; return its path and the number of its runs."""
    index = updated(store, read_index(store, _layout()))
    return write_index(store, index, _layout()), len(index.stamps)


def renew_index(store: StoreReader) -> None:
    """Write the index of a large store, so that reports need not open its records; a small one, or a full disk, does without."""
    index = updated(store, read_index(store, _layout()))
    if len(index.stamps) >= LARGE:
        with suppress(TlbenchError, OSError):
            write_index(store, index, _layout())


def is_sound(store: StoreReader) -> bool:
    """Tell whether the index of a store can be read and says of each run that it knows what its record says."""
    try:
        found = opened_index(store, _layout())
    except (OSError, pa.ArrowException, KeyError):
        return False
    known = {key for key, stamp in found.stamps.items() if stamp != (0, 0) and store.stamp(key) == stamp}
    mine, anew = found.only(known), updated(store, EMPTY, sorted(known))
    same = (_filled(mine.frame(name)).equals(_filled(anew.frame(name))) for name in TABLES)
    return mine.older == anew.older and not anew.damaged and all(same)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that no row has a value in: an index has those of all its runs, those that are gone included."""
    return frame.dropna(axis=1, how="all").sort_index(axis=1)


@cache
def _layout() -> str:
    return layout_of(__file__, rows_file, index_file)


def read_runs(store: StoreReader) -> pd.DataFrame:
    """Return all runs of a store as a tidy table; see the module's text for its columns."""
    return read_tables(store).runs
