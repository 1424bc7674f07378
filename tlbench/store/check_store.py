"""What is wrong with a store; reads everything and changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from filelock import FileLock, Timeout

from tlbench.errors import TlbenchError
from tlbench.store import table
from tlbench.store.index import FILE
from tlbench.store.plans import plan_files, read_plan
from tlbench.store.reading import FEATURES, HISTORY, LOADER, PREDICTIONS, SHARD, StoreReader
from tlbench.store.records import ESTIMATOR, NETWORK, READABLE
from tlbench.store.runs import ASIDE

FORMERLY_ASIDE = re.compile(r"^\.([0-9a-f]+)-")
"""Names that older versions gave to what they wrote aside."""


@dataclass(frozen=True)
class Problem:
    """Something wrong: `kind` (record, file, index, reference, left over, plan), where it is, what is wrong and what to do."""

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


WrongKey = Callable[[StoreReader, str, dict[str, Any]], str | None]


def check_store(store: StoreReader, wrong_key: WrongKey = lambda store, key, record: None) -> Checked:
    """Read every run, plan and left-over file of a store, and compare each file with its checksum.

    Args:
        wrong_key: says what is wrong where a run's config is not that of its key; None where it is, or cannot be told.
    """
    problems: list[Problem] = []
    records: dict[str, dict[str, Any]] = {}
    for key in _folders(store):
        try:
            record = store.record(key)
        except (TlbenchError, OSError) as error:
            problems.append(Problem("record", store.folder(key), f"unreadable: {error}"))
            continue
        if record is not None:
            records[key] = record
            continue
        problems.append(Problem("record", store.folder(key), "holds no record.json; delete the folder and run again"))
    current = {key: record for key, record in records.items() if record.get("schema") in READABLE}
    for key, record in current.items():
        problems += _run(store, key, record)
        problems += _references(store, key, record, current)
        if (text := wrong_key(store, key, record)) is not None:
            problems.append(Problem("file", store.folder(key) / "config.yaml", text))
    problems += [*_index(store), *_left_over(store, records), *_plans(store, records)]
    statuses = Counter(record["status"] for record in current.values())
    return Checked(problems, statuses, len(records) - len(current))


def _folders(store: StoreReader) -> list[str]:
    """Return the keys of all folders that are named like runs, those inside shards included."""
    found = []
    for path in store.root.iterdir():
        if path.is_dir() and re.fullmatch(r"[0-9a-f]+", path.name):
            inside = [p.name for p in path.iterdir() if p.is_dir() and p.name.startswith(path.name)]
            found += inside if len(path.name) == SHARD and inside else [path.name]
    return sorted(found)


def _run(store: StoreReader, key: str, record: dict[str, Any]) -> Iterator[Problem]:
    """Find the files of one run that are missing, torn or not those of its record."""
    folder = store.folder(key)
    if (other := record.get("run_key")) != key:
        yield Problem("record", folder, f"is a copy: its record is that of run {other}; delete the folder")
    for name in store.damaged_files(key, record):
        if (folder / name).is_file():
            text = f"is not what was written: its checksum does not fit; delete the folder '{folder}' and run again"
            yield Problem("file", folder / name, text)
            return
        if name in (NETWORK, ESTIMATOR):
            yield Problem("file", folder / name, "is missing; the same command with keep_model=true makes it anew")
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
    told = f"is damaged ({' '.join(str(error).split())[:120]})"
    reason = "is missing" if isinstance(error, FileNotFoundError) else told
    return Problem("file", path, f"{reason}; delete the folder '{path.parent}' and run again")


def _references(
    store: StoreReader, key: str, record: dict[str, Any], known: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    """Find references that the gains of a run name and that the store no longer has."""
    gains = (gain for found in record.get("selections", {}).values() for gain in found["gains"].items())
    wanted = {(name, gain["run_key"]) for name, gain in gains}
    for name, reference in sorted(wanted):
        if known.get(reference, {}).get("status") != "done":
            state = "is gone" if reference not in known else f"is {known[reference]['status']}"
            text = f"its reference {name}, run {reference}, {state}; the same sweep again makes it anew"
            yield Problem("reference", store.folder(key), text)


def _index(store: StoreReader) -> Iterator[Problem]:
    """Find an index that is not what the records say."""
    if (store.root / FILE).exists() and not table.is_sound(store):
        text = "is damaged, or not what the records say; delete it, or run `tlbench store compact`"
        yield Problem("index", store.root / FILE, text)


def _left_over(store: StoreReader, records: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """Find what processes that died have left; what a living one is working on is no problem."""
    for path in sorted(store.root.iterdir()):
        aside = FORMERLY_ASIDE.match(path.name)
        if path.name.startswith(".old-") or (aside and not _held(store, aside[1])):
            yield Problem("left over", path, "of a process that died; delete it")
    for path in sorted((store.root / ASIDE).glob("*")):
        if not _held(store, path.name):
            yield Problem("left over", path, "of a process that died; delete it")
    places = (".index*.part", "plans/*.part", "[0-9a-f]*/*.part", "[0-9a-f]*/[0-9a-f]*/*.part")
    for path in sorted(path for place in places for path in store.root.glob(place)):
        yield Problem("left over", path, "was never finished; delete it unless a command is writing it now")
    for path in sorted(store.root.glob(".resume/*.ckpt")):
        if records.get(path.stem, {}).get("status") == "done":
            yield Problem("left over", path, "is the state of a run that is done; delete it")


def _held(store: StoreReader, key: str) -> bool:
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


def held_keys(store: StoreReader) -> set[str]:
    """Return the keys of the runs that some process is working on."""
    return {path.stem for path in (store.root / ".locks").glob("*.lock") if _held(store, path.stem)}


def _plans(store: StoreReader, records: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """Find plans that cannot be read, and plans whose runs are not there."""
    for path in plan_files(store):
        try:
            runs = {run["run_key"] for run in read_plan(path)["runs"]}
        except (TlbenchError, OSError, KeyError) as error:
            told = str(error).removeprefix(f"{path} ")
            yield Problem("plan", path, told if told.startswith("is damaged") else f"is damaged ({error}); delete it")
            continue
        if missing := len(runs - records.keys()):
            text = f"{missing} of its {len(runs)} runs are missing"
            if missing == len(runs):
                text = f"none of its {len(runs)} runs is there"
            yield Problem("plan", path, f"{text}; run its sweep again, or delete the plan if it is given up")
