"""What is wrong with a store; reads everything and changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from filelock import FileLock, Timeout

from tlbench.errors import TlbenchError
from tlbench.results.store import FEATURES, HISTORY, LOADER, PREDICTIONS, SCHEMA, RunStore

ASIDE = re.compile(r"^\.([0-9a-f]+)-")


@dataclass(frozen=True)
class Problem:
    """Something wrong: `kind` (record, file, reference, left over, plan), where it is, what is wrong and what to do."""

    kind: str
    path: Path
    text: str

    def line(self) -> str:
        return f"{self.kind:<10} {self.path}: {self.text}"


@dataclass(frozen=True)
class Checked:
    """What a check found: problems; runs by status; runs that another version left, which are no problem."""

    problems: list[Problem]
    statuses: dict[str, int]
    n_older: int


def check_store(store: RunStore) -> Checked:
    """Reads every run, plan and left-over file of a store."""
    problems: list[Problem] = []
    records: dict[str, dict[str, Any]] = {}
    for key in _folders(store):
        try:
            record = store.record(key)
        except (TlbenchError, OSError) as error:
            problems.append(Problem("record", store.root / key, f"unreadable: {error}"))
            continue
        if record is None:
            problems.append(
                Problem("record", store.root / key, "holds no record.json; delete the folder and run again")
            )
        else:
            records[key] = record
    current = {key: record for key, record in records.items() if record.get("schema") == SCHEMA}
    for key, record in current.items():
        problems += _run(store, key, record)
        problems += _references(store, key, record, current)
    problems += [*_left_over(store, records), *_plans(store, records)]
    statuses: dict[str, int] = {}
    for record in current.values():
        statuses[record["status"]] = statuses.get(record["status"], 0) + 1
    return Checked(problems, statuses, len(records) - len(current))


def _folders(store: RunStore) -> list[str]:
    return sorted(p.name for p in store.root.iterdir() if p.is_dir() and re.fullmatch(r"[0-9a-f]+", p.name))


def _run(store: RunStore, key: str, record: dict[str, Any]) -> Iterator[Problem]:
    """Files of one run that are missing, torn or not those of its record."""
    folder = store.root / key
    if record.get("run_key") != key:
        yield Problem(
            "record", folder, f"is a copy: its record is that of run {record.get('run_key')}; delete the folder"
        )
    try:
        if not isinstance(yaml.load((folder / "config.yaml").read_text("utf-8"), LOADER), dict):
            raise ValueError("it is no config")
    except (OSError, ValueError, yaml.YAMLError) as error:
        yield _torn(folder / "config.yaml", error)
    try:
        pd.read_parquet(folder / "history.parquet", columns=HISTORY)
    except Exception as error:  # whatever a torn file makes a reader say
        yield _torn(folder / "history.parquet", error)
    try:
        rows = pd.read_parquet(folder / "predictions.parquet", columns=PREDICTIONS)
    except Exception as error:
        yield _torn(folder / "predictions.parquet", error)
        return
    if record["status"] != "done":
        return
    if record.get("embeddings") and not store.keeps_features(key):
        text = "is missing; the same command with its `embeddings` makes it anew"
        yield Problem("file", folder / FEATURES, text)
    counts = rows["step"].value_counts()
    for rule, found in record["selections"].items():
        if (n := int(counts.get(found["step"], 0))) != record["sizes"]["target_test"]:
            text = f"{n} of {record['sizes']['target_test']} predictions at step {found['step']}, which {rule} picks"
            yield Problem("file", folder / "predictions.parquet", f"{text}; delete the folder and run again")


def _torn(path: Path, error: Exception) -> Problem:
    reason = (
        "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({' '.join(str(error).split())[:120]})"
    )
    return Problem("file", path, f"{reason}; delete the folder '{path.parent}' and run again")


def _references(
    store: RunStore, key: str, record: dict[str, Any], known: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    """References that the gains of a run name and that the store no longer has."""
    gains = (gain for found in record.get("selections", {}).values() for gain in found["gains"].items())
    wanted = {(name, gain["run_key"]) for name, gain in gains}
    for name, reference in sorted(wanted):
        if known.get(reference, {}).get("status") != "done":
            state = "is gone" if reference not in known else f"is {known[reference]['status']}"
            text = f"its reference {name}, run {reference}, {state}; the same sweep again makes it anew"
            yield Problem("reference", store.root / key, text)


def _left_over(store: RunStore, records: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """What processes that died have left; what a living one is working on is no problem."""
    for path in sorted(store.root.iterdir()):
        aside = ASIDE.match(path.name)
        if path.name.startswith(".old-") or (aside and not _held(store, aside[1])):
            yield Problem("left over", path, "of a process that died; delete it")
    parts = [*store.root.glob(".index-*.part"), *store.root.glob("plans/*.part"), *store.root.glob("[0-9a-f]*/*.part")]
    for path in sorted(parts):
        yield Problem("left over", path, "was never finished; delete it unless a command is writing it now")
    for path in sorted(store.root.glob(".resume/*.ckpt")):
        if records.get(path.stem, {}).get("status") == "done":
            yield Problem("left over", path, "is the state of a run that is done; delete it")


def _held(store: RunStore, key: str) -> bool:
    path = store.root / ".locks" / f"{key}.lock"
    if not path.is_file():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a store that cannot be written: nobody works on it from here
        return False


def _plans(store: RunStore, records: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """Plans that cannot be read, and plans whose runs are not there."""
    for path in sorted(store.root.glob("plans/*.json")):
        try:
            runs = {run["run_key"] for run in json.loads(path.read_text("utf-8"))["runs"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield Problem(
                "plan", path, f"is damaged ({error}); delete it, or run its sweep again, which writes it anew"
            )
            continue
        if missing := len(runs - records.keys()):
            what = "none" if missing == len(runs) else f"{len(runs) - missing}"
            text = (
                f"{what} of its {len(runs)} runs is there"
                if missing == len(runs)
                else f"{missing} of its {len(runs)} runs are missing"
            )
            yield Problem("plan", path, f"{text}; run its sweep again, or delete the plan if it is given up")
