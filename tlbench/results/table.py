"""A store as one tidy table: one row a run and selection.

Columns (the same in `report --format csv`):
    run_key, recipe_key, cell_key     names of the run, of what it must share with a reference, of its cell
    status, reason                    done | failed | skipped, and why
    dataset, pair, protocol, backbone, classifier, method, family, selection, seed
    uses_target_labels                the method or the selection used them: ORACLE
    metric, score                     what gains are over (accuracy, mean_class_accuracy), and its value in [0, 1]
    accuracy, mean_class_accuracy, macro_f1, ece    in [0, 1], on the target test part
    step                              training step of the chosen checkpoint
    n_source, n_target, n_shots, n_test    labelled source, unlabelled target, labelled target and test examples
    reference, reference_run          the reference that `gain` is against, and its run key (none: it could not be had)
    reference_step                    training step of the reference's checkpoint, under the same selection
    alpha, margin                     1 - level of the run's interval and level of its flag; points up to which a gain is no
                                      effect
    gain, gain_low, gain_high, gain_p, gain_flag    percentage points; see tlbench.transfer.gain.Gain
    gain_over_NAME, run_over_NAME, step_over_NAME    gain over each reference that was there, by its name; its run key, and the
                                      step of its checkpoint
    seconds, train_seconds, peak_memory_mb (of the process so far), examples_per_second
    created                           time at which the run ended, UTC
Rows of runs that are not done have a `selection` too (the one asked for) and no numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tlbench.results.store import SCHEMA, RunStore

AXES = ["dataset", "pair", "protocol", "backbone", "classifier", "method", "family", "metric", "seed"]
METRICS = ("accuracy", "mean_class_accuracy", "macro_f1", "ece")
KEYS = ["run_key", "recipe_key", "cell_key", "status", "reason"]
COSTS = ["seconds", "train_seconds", "peak_memory_mb", "examples_per_second"]
SIZES = {"n_source": "source", "n_target": "target_unlabelled", "n_shots": "shots", "n_test": "target_test"}
GAIN = {"gain": "gain", "low": "gain_low", "high": "gain_high", "p": "gain_p", "flag": "gain_flag"}
COLUMNS = [
    *KEYS, *AXES, "selection", "uses_target_labels", "score", *METRICS, "step", *SIZES, "reference",
    "reference_run", "reference_step", "alpha", "margin", *GAIN.values(), *COSTS, "created",
]  # fmt: skip


@dataclass(frozen=True)
class Tables:
    """What a store holds.

    Attributes:
        runs: the tidy table of this module.
        checkpoints: one row a checkpoint of a finished run: run_key, step, oracle_score (in [0, 1], on target test labels:
            ORACLE), and a column for each validator.
        distances: one row a run and kind of features (`raw`, `trained`): run_key, features, and what
            `tlbench.transfer.pair.measure_pair` gives.
        n_older: runs that an older version left, which this one cannot read.
    """

    runs: pd.DataFrame
    checkpoints: pd.DataFrame
    distances: pd.DataFrame
    n_older: int


def read_tables(store: RunStore, keys: Sequence[str] | None = None) -> Tables:
    """Reads each record of a store, or some of them, once and keeps what tables need of it."""
    runs: list[dict[str, Any]] = []
    checkpoints: list[dict[str, Any]] = []
    distances: list[dict[str, Any]] = []
    older = 0
    for key in store.run_keys() if keys is None else keys:
        record = store.record(key)
        if record is None:
            continue
        if record.get("schema") != SCHEMA:
            older += 1
            continue
        runs += rows_of(record)
        checkpoints += [
            {"run_key": key, "step": c["step"], "oracle_score": c["oracle_score"], **c["scores"]}
            for c in record.get("checkpoints", [])
        ]
        distances += [
            {"run_key": key, "features": kind, **values} for kind, values in record.get("distances", {}).items()
        ]
    return Tables(
        tidy(runs),
        pd.DataFrame(checkpoints, columns=None if checkpoints else ["run_key", "step", "oracle_score"]),
        pd.DataFrame(distances, columns=None if distances else ["run_key", "features"]),
        older,
    )


def read_runs(store: RunStore) -> pd.DataFrame:
    """All runs of a store as a tidy table; see the module's text for its columns."""
    return read_tables(store).runs


def tidy(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The tidy table of some rows."""
    table = pd.DataFrame(rows)
    named = sorted(column for column in table.columns if "_over_" in column)
    return table.reindex(columns=[*COLUMNS, *named])


def rows_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that one record gives."""
    common = {name: record.get(name) for name in [*KEYS, *AXES, "created"]}
    common |= {name: record.get("costs", {}).get(name) for name in COSTS}
    if record["status"] != "done":
        return [{**common, "selection": record["selection"], "uses_target_labels": record["oracle"]}]
    return [{**common, **_result(record, name, found)} for name, found in record["selections"].items()]


def _result(record: dict[str, Any], name: str, found: dict[str, Any]) -> dict[str, Any]:
    row = {
        "selection": name,
        "uses_target_labels": record["oracle"] or found["oracle"],
        "step": found["step"],
        **{column: record["sizes"][size] for column, size in SIZES.items()},
        **{metric: found["metrics"].get(metric) for metric in METRICS},
        "score": found["metrics"][record["metric"]],
    }
    gains = found["gains"]
    row |= {name: record[name] for name in ("reference", "alpha", "margin")}
    if (primary := record["reference"]) in gains:
        row |= {column: gains[primary][key] for key, column in GAIN.items()}
        row |= {"reference_run": gains[primary]["run_key"], "reference_step": gains[primary]["reference_step"]}
    for reference, gain in gains.items():
        row |= {f"gain_over_{reference}": gain["gain"], f"run_over_{reference}": gain["run_key"],
                f"step_over_{reference}": gain["reference_step"]}  # fmt: skip
    return row
