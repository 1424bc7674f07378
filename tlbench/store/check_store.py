"""What is wrong with a store; reads everything and changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.errors import TlbenchError
from tlbench.store import table
from tlbench.store.check_run import Problem, lost_references, read_record, wrong_files
from tlbench.store.index import FILE
from tlbench.store.locks import Locks
from tlbench.store.plans import plan_files, read_plan
from tlbench.store.reading import StoreReader
from tlbench.store.records import CONFIG, READABLE
from tlbench.store.run_places import ASIDE
from tlbench.store.runs import LOCKS
from tlbench.store.stamps import SHARD, SUFFIX

NAME = re.compile(r"[0-9a-f]+")
FORMERLY_ASIDE = re.compile(r"^\.([0-9a-f]+)-")
"""Names that older versions gave to what they wrote aside."""


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
    for key in _keys(store):
        found = read_record(store, key)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            records[key] = found
    current = {key: record for key, record in records.items() if record.get("schema") in READABLE}
    for key, record in current.items():
        problems += wrong_files(store, key, record)
        problems += lost_references(store, key, record, current)
        if (text := wrong_key(store, key, record)) is not None:
            problems.append(Problem("file", store.path(key) / CONFIG, text))
    problems += [*_index(store), *_left_over(store, records), *_plans(store, records)]
    statuses = Counter(record["status"] for record in current.values())
    return Checked(problems, statuses, len(records) - len(current))


def _keys(store: StoreReader) -> list[str]:
    """Return the keys of all files and folders that are named like runs, those inside shards included."""
    found: set[str] = set()
    for path in store.root.iterdir():
        if path.is_dir() and NAME.fullmatch(path.name):
            inside = {p.name.removesuffix(SUFFIX) for p in path.iterdir() if _is_run(p, path.name)}
            is_shard = len(path.name) == SHARD and (inside or not any(path.iterdir()))
            found |= inside if is_shard else {path.name}
    return sorted(found)


def _is_run(path: Path, shard: str) -> bool:
    named = path.name.startswith(shard) and NAME.fullmatch(path.name.removesuffix(SUFFIX)) is not None
    return named and (path.suffix == SUFFIX or path.is_dir())


def _index(store: StoreReader) -> Iterator[Problem]:
    """Find an index that is not what the records say."""
    if (store.root / FILE).exists() and not table.is_sound(store):
        text = "is damaged, or not what the records say; delete it, or run `tlbench store compact`"
        yield Problem("index", store.root / FILE, text)


def _left_over(store: StoreReader, records: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """Find what processes that died have left; what a living one is working on is no problem."""
    locks = Locks(store.root / LOCKS, store.mirror.claims)
    for name in store.mirror.unsent():
        yield Problem("left over", store.root / name, f"is not in '{store.where}' yet; the next sweep sends it")
    for path in sorted(store.root.iterdir()):
        aside = FORMERLY_ASIDE.match(path.name)
        if path.name.startswith(".old-") or (aside and not locks.is_held(aside[1])):
            yield Problem("left over", path, "of a process that died; delete it")
    for path in sorted((store.root / ASIDE).glob("*")):
        if not locks.is_held(path.name):
            yield Problem("left over", path, "of a process that died; delete it")
    for key in locks.left():
        yield Problem("left over", locks.folder / key, "is the lock of a process that died; the next sweep removes it")
    for path in sorted(store.root.glob(f"[0-9a-f]*/*{SUFFIX}")):
        for old in (path.with_suffix(""), store.root / path.stem):
            if old.is_dir() and old != path.parent:
                yield Problem("left over", old, f"is what '{path}' has taken the place of; delete it")
    places = (".index*.part", "plans/*.part", "[0-9a-f]*/*.part", "[0-9a-f]*/[0-9a-f]*/*.part")
    for path in sorted(path for place in places for path in store.root.glob(place)):
        yield Problem("left over", path, "was never finished; delete it unless a command is writing it now")
    for path in sorted(store.root.glob(".resume/*.ckpt")):
        if records.get(path.stem, {}).get("status") == "done":
            yield Problem("left over", path, "is the state of a run that is done; delete it")


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
