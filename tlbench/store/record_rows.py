"""What one record says, as rows of the tables of a store; `tlbench.store.table` tells the columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tlbench.metrics import REPORTED
from tlbench.store.index import Rows
from tlbench.store.records import COSTS, READABLE, warning_of
from tlbench.transfer.setting import setting_of_record

CELL = ["dataset", "pair", "protocol", "backbone", "classifier", "method", "family", "metric"]
AXES = [*CELL, "seed"]
CODE = ["harness", "method_revision", "method_code", "draws"]
UNKNOWN = "unknown_class"
SETTING = "setting"
KEYS = ["run_key", "recipe_key", "cell_key", "status", "reason", "failure"]
SIZES = {"n_source": "source", "n_target": "target_unlabelled", "n_shots": "shots", "n_test": "target_test"}
GAIN = {"gain": "gain", "low": "gain_low", "high": "gain_high", "p": "gain_p", "flag": "gain_flag"}
WARNING = ("warning", "warning_version")
COLUMNS = [
    *KEYS, *AXES, "selection", "uses_target_labels", "score", *REPORTED, "step", *SIZES, "reference",
    "reference_run", "reference_step", "alpha", "margin", *GAIN.values(), *WARNING, *COSTS, "created", "tags", *CODE, UNKNOWN,
    SETTING,
]  # fmt: skip


def record_rows(record: dict[str, Any]) -> Rows | None:
    """Return the rows of each table that a record gives; None for one of another version."""
    if record.get("schema") not in READABLE:
        return None
    key = record["run_key"]
    return {
        "runs": run_rows(record),
        "checkpoints": [
            {"run_key": key, "step": c["step"], "oracle_score": c["oracle_score"], **c["scores"]}
            for c in record.get("checkpoints", [])
        ],
        "distances": [{"run_key": key, "features": k, **found} for k, found in record.get("distances", {}).items()],
        "signals": [
            {"run_key": key, "step": w["step"], "reference_step": w["reference_step"], **w["signals"]}
            for w in record.get("warnings", [])
        ],
        "files": [{"run_key": key, "predictions": record.get("files", {}).get("predictions.parquet")}],
    }


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Return the tidy table: its columns, in their order."""
    named = sorted(column for column in table.columns if "_over_" in column)
    return table.reindex(columns=[*COLUMNS, *named])


def run_rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the tidy table that one record gives, one a selection."""
    common = {name: record.get(name) for name in [*KEYS, *AXES, "created", *CODE, UNKNOWN]}
    common[SETTING] = setting_of_record(record)
    common["tags"] = ", ".join(record.get("tags", ()))
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
        **{metric: found["metrics"].get(metric) for metric in REPORTED},
        "score": found["metrics"][record["metric"]],
    }
    gains = found["gains"]
    row |= {name: record[name] for name in ("reference", "alpha", "margin")}
    if (primary := record["reference"]) in gains:
        row |= {column: gains[primary][key] for key, column in GAIN.items()}
        row |= {"reference_run": gains[primary]["run_key"], "reference_step": gains[primary]["reference_step"]}
        if told := warning_of(record, row["step"], row["reference_step"]):
            row |= dict(zip(WARNING, (told["probability"], told["version"]), strict=True))
    for reference, gain in gains.items():
        over = {"gain": gain["gain"], "run": gain["run_key"], "step": gain["reference_step"]}
        row |= {f"{what}_over_{reference}": value for what, value in over.items()}
    return row
