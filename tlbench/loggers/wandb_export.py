"""A store to Weights & Biases: each run as a live logger would have logged it, and one run that sums runs up."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import wandb
from rich.progress import track

from tlbench.aside import unique
from tlbench.errors import TlbenchError
from tlbench.loggers import RunContent, replay
from tlbench.loggers.wandb import Session, begin_session
from tlbench.loggers.wandb_mode import mode
from tlbench.loggers.writing import MODEL
from tlbench.store.mirroring import is_address
from tlbench.store.reading import Damaged, StoreReader

TABLE_ROWS = 10_000
"""Rows of a table that W&B shows."""
LEDGER = "exported.txt"
WAITS = {"init_timeout": 30.0, "finish_timeout": 120.0}
"""Seconds, as `wandb_logger` has them."""


@dataclass(frozen=True)
class Target:
    """Where runs go to: a config of `conf/logger/wandb.yaml`'s kind, and a folder for W&B's files."""

    logger: dict[str, Any]
    folder: Path

    @property
    def project(self) -> str:
        return str(self.logger["project"])

    @property
    def entity(self) -> str | None:
        return self.logger.get("entity")


@dataclass(frozen=True)
class Summary:
    """What a run that sums others up holds.

    Attributes:
        tables: shown, their first TABLE_ROWS rows.
        numbers: of its summary.
        files: name to text, of its artefact.
        oracle: whether target labels were used.
    """

    tables: Mapping[str, pd.DataFrame]
    numbers: Mapping[str, int | str]
    files: Mapping[str, str]
    oracle: bool


def export_runs(store: StoreReader, target: Target, ledger: Ledger, logger_of: Callable[..., Any]) -> tuple[int, int]:
    """Log every run that is not there yet as it is now; return the number exported, and of those that were there.

    Args:
        logger_of: makes the logger of a config for a run and a folder.

    Raises:
        TlbenchError: W&B is switched off, or a run is damaged.
    """
    if mode() == "disabled":
        raise TlbenchError("WANDB_MODE=disabled: there is nothing to export to. Use online or offline.")
    stamps = {key: f"{time}.{size}" for key, (time, size) in store.stamps().items()}
    new = [key for key, stamp in stamps.items() if not ledger.has(key, stamp)]
    for key in track(new, "runs", transient=True, disable=not sys.stderr.isatty()):
        if (record := store.record(key)) is not None:
            content = content_of(store, record)
            replay(logger_of(target.logger, run=content, folder=target.folder), content)
            ledger.note(key, stamps[key])
    return len(new), len(stamps) - len(new)


def content_of(store: StoreReader, record: dict[str, Any]) -> RunContent:
    """Return all that a live logger was told of a run; weights were kept only by that logger, next to its log."""
    key = record["run_key"]
    try:
        tables = store.history(key), store.every_prediction(key)
        return RunContent(record, store.config(key), *tables, store.part_file(key, f"logs/{MODEL}"))
    except Damaged as error:
        raise TlbenchError(f"{error} `tlbench store check` names what else is wrong.") from error


class Ledger:
    """What exports have written from this folder, a line each, so that the same run is not written twice.

    Online the server knows by the runs' ids, too: this spares asking it.
    """

    def __init__(self, target: Target) -> None:
        self.path, self.where = target.folder / LEDGER, f"{target.entity or '-'}/{target.project}"
        self.lines = set(self.path.read_text("utf-8").splitlines()) if self.path.is_file() else set()

    def _line(self, key: str, stamp: str) -> str:
        return f"{mode()} {self.where} {key} {stamp}"

    def has(self, key: str, stamp: str) -> bool:
        return self._line(key, stamp) in self.lines

    def note(self, key: str, stamp: str) -> None:
        self.lines.add(self._line(key, stamp))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self._line(key, stamp) + "\n")


def store_id(store: StoreReader) -> str:
    """Return a name that stays with a store; it is made at its first export."""
    if is_address(store.where):  # one for all machines, each of which has a folder of its own
        return hashlib.sha256(store.where.encode()).hexdigest()[:16]
    path = store.root / ".store-id"
    if not path.is_file():
        aside = path.with_name(unique(".store-id"))
        aside.write_text(uuid.uuid4().hex[:16], "utf-8")
        with suppress(FileExistsError):  # another sweep was quicker
            os.link(aside, path)
        aside.unlink()
    return path.read_text("utf-8").strip()


def log_summary(found: Summary, target: Target, how: str, about: dict[str, Any]) -> None:
    """Log a run with the tidy table, the table of cells and the report."""
    about = {
        **about,
        "job_type": "summary",
        "project": target.project,
        "entity": target.entity,
        "name": f"{'ORACLE ' if found.oracle else ''}{about['name']}",
        "tags": ["summary", *(["ORACLE"] if found.oracle else [])],
    }
    session = Session()
    waits = (float(target.logger.get(name, seconds)) for name, seconds in WAITS.items())
    begin_session(session, target.folder, how, about, *waits)
    try:
        _log_content(session.experiment, found, about["id"])
    except BaseException:
        session.end(False)
        raise
    session.end(True)


def _log_content(run: Any, found: Summary, run_id: str) -> None:
    run.summary.update(dict(found.numbers))
    for name, table in found.tables.items():
        run.log({name: wandb.Table(dataframe=_shown(table))})
    with tempfile.TemporaryDirectory() as folder:
        artefact = wandb.Artifact(f"report-{run_id.removeprefix('summary-')}", "report")
        for name, text in sorted(found.files.items()):
            (Path(folder) / name).write_text(text, "utf-8")
            artefact.add_file(str(Path(folder) / name))
        run.log_artifact(artefact)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the first rows of a table, in kinds that W&B's tables take."""
    shown = table.head(TABLE_ROWS).astype(object)
    return shown.where(shown.notna(), None)
