"""What is wrong with one run of a store: files that are missing, torn or not those of its record, references that are gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.errors import TlbenchError
from tlbench.store.reading import Damaged, StoreReader
from tlbench.store.records import CONFIG, ESTIMATOR, FEATURES, NETWORK, TABLE, TERMS


@dataclass(frozen=True)
class Problem:
    """Something wrong: `kind` (record, file, index, reference, left over, plan), where it is, what is wrong and what to do."""

    kind: str
    path: Path
    text: str

    def line(self) -> str:
        return f"{self.kind:<10} {self.path}: {self.text}"


def read_record(store: StoreReader, key: str) -> dict[str, Any] | Problem:
    """Return the record of a run, or why there is none."""
    path = store.path(key)
    try:
        record = store.record(key)
    except (TlbenchError, OSError) as error:
        return Problem("record", path, f"unreadable: {error}")
    return Problem("record", path, f"holds no record.json; {remedy(store, key)}") if record is None else record


def remedy(store: StoreReader, key: str) -> str:
    """Say what helps, at the end of a sentence."""
    text = store.remedy(key)
    return f"{text[0].lower()}{text[1:]}".rstrip(".")


def wrong_files(store: StoreReader, key: str, record: Mapping[str, Any]) -> Iterator[Problem]:
    """Find the files of one run that are missing, torn or not those of its record."""
    path = store.path(key)
    if (other := record.get("run_key")) != key:
        yield Problem("record", path, f"is a copy: its record is that of run {other}; delete it")
    for name in store.damaged_files(key, record):
        if store.checksum(key, name) is not None:
            text = f"is not what was written: its checksum does not fit; {remedy(store, key)}"
            yield Problem("file", path / name, text)
            return
        if name in (NETWORK, ESTIMATOR):
            yield Problem("file", path / name, "is missing; the same command with keep_model=true makes it anew")
    for name, read in ((CONFIG, store.config), (TERMS, store.history)):
        try:
            read(key)
        except Damaged as error:
            yield _torn(store, key, name, error)
    try:
        rows = store.every_prediction(key)
    except Damaged as error:
        yield _torn(store, key, TABLE, error)
        return
    if record["status"] != "done":
        return
    if record.get("embeddings") and not store.keeps_features(key):
        yield Problem("file", path / FEATURES, "is missing; the same command with its `embeddings` makes it anew")
    counts = rows["step"].value_counts()
    for rule, found in record["selections"].items():
        if (n := int(counts.get(found["step"], 0))) != record["sizes"]["target_test"]:
            text = f"{n} of {record['sizes']['target_test']} predictions at step {found['step']}, which {rule} picks"
            yield Problem("file", path / TABLE, f"{text}; {remedy(store, key)}")


def _torn(store: StoreReader, key: str, name: str, error: Damaged) -> Problem:
    cause = error.__cause__
    told = f"is damaged ({' '.join(str(cause).split())[:120]})"
    reason = "is missing" if isinstance(cause, FileNotFoundError) else told
    return Problem("file", store.path(key) / name, f"{reason}; {remedy(store, key)}")


def lost_references(
    store: StoreReader, key: str, record: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    """Find references that the gains of a run name and that the store no longer has."""
    gains = (gain for found in record.get("selections", {}).values() for gain in found["gains"].items())
    wanted = {(name, gain["run_key"]) for name, gain in gains}
    for name, reference in sorted(wanted):
        if known.get(reference, {}).get("status") != "done":
            state = "is gone" if reference not in known else f"is {known[reference]['status']}"
            text = f"its reference {name}, run {reference}, {state}; the same sweep again makes it anew"
            yield Problem("reference", store.path(key), text)
