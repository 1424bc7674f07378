"""Stores for tests of the dashboard: a tiny sweep of embedded images, and what is added to one by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.support import damage, last_of
from tlbench.cli import main
from tlbench.store.records import sealed_record
from tlbench.store.runs import RunStore

EVIL = "<img src=x onerror=alert(1)> [link](http://a.b) $x$"
SWEEP = [
    "protocol=inductive", "validators=50", "distances=0", "logger=none", "hydra/launcher=basic", "backbone=identity",
    "classifier=nearest_neighbour",
]  # fmt: skip


def sweep(root: Path, *arguments: str) -> None:
    """Methods without a training loop on the embedded digits."""
    assert main(["sweep", *last_of(*SWEEP, f"store={root}", *arguments)]) == 0


def add_failed(root: Path, method: str = EVIL, reason: str = f"went wrong: {EVIL}") -> str:
    """A run that failed, like one of the store's; returns its key."""
    store = RunStore(root)
    records = [record for key in store.run_keys() if (record := store.record(key)) is not None]
    record = min(records, key=lambda record: record["pair"])
    like = record["run_key"]
    key = f"{0xBAD:016x}"
    kept = {
        name: record[name]
        for name in record
        if name not in ("selections", "checkpoints", "distances", "sizes", "costs")
    }
    kept |= {
        "run_key": key,
        "cell_key": "c" * 16,
        "method": method,
        "status": "failed",
        "reason": reason,
        "family": "feature",
    }
    with store.lock(key):
        store.write(kept, store.config(like))
    return key


def add_warnings(root: Path, said: Callable[[dict], float]) -> None:
    """A warning of every gain that is there: what is said of the gain's entry in the record, less a hundredth of the seed."""
    store = RunStore(root)
    for key in store.run_keys():
        record = store.record(key)
        primary = record["reference"]
        gains = [(found["step"], found["gains"].get(primary)) for found in record.get("selections", {}).values()]
        told = [
            {"step": step, "reference_step": gain["reference_step"], "reference_run": gain["run_key"], "signals": {},
             "warning": {"probability": said(gain) - record["seed"] / 100, "version": "v1"}}
            for step, gain in gains if gain is not None
        ]  # fmt: skip
        damage(store, key, "record.json", sealed_record({**record, "warnings": told}).encode())


def add_plan(root: Path, name: str, keys: list[str], seed: int | None = None) -> None:
    """A plan of some runs that are there, tagged with its name; with a seed, the first of them with this seed is planned too,
    and missing."""
    plans = [json.loads(path.read_text()) for path in sorted((root / "plans").glob("*.json"))]
    rows = [{**run, "tags": [name]} for plan in plans for run in plan["runs"] if run["run_key"] in keys]
    cells = {cell: config for plan in plans for cell, config in plan["cells"].items()}
    if seed is not None:
        rows.append({**rows[0], "run_key": "e" * 16, "seed": seed})
    (root / "plans" / f"{name}.json").write_text(json.dumps({**plans[0], "name": name, "runs": rows, "cells": cells}))
