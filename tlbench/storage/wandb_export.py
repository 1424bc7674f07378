"""A store to Weights & Biases: each run as a live logger would have logged it, and one run that sums the store up."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import wandb
from rich.progress import track

from tlbench.config.build import build
from tlbench.config.schema import RunConfig
from tlbench.errors import TlbenchError
from tlbench.loggers import replay
from tlbench.loggers.wandb import Session, begun
from tlbench.loggers.wandb_mode import mode
from tlbench.report.analysis import Analysis, analyse
from tlbench.report.cells import Planned, planned
from tlbench.report.command import provenance, rule_of
from tlbench.report.html import to_html
from tlbench.results.store import RunStore
from tlbench.results.table import read_tables
from tlbench.selection.rules import ORACLE
from tlbench.storage.content import content_of
from tlbench.sweep.sweeper import Outcome

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


def export_wandb(store: RunStore, target: Target) -> tuple[int, int, str]:
    """Logs every run that is not there yet as it is now, and the summary of the store.

    Returns:
        Runs exported, runs that were there, and how: `online` or `offline`.

    Raises:
        TlbenchError: W&B is switched off, or a run is damaged.
    """
    if mode() == "disabled":
        raise TlbenchError("WANDB_MODE=disabled: there is nothing to export to. Use online or offline.")
    ledger, stamps = Ledger(target), {key: f"{time}.{size}" for key, (time, size) in store.stamps().items()}
    new = [key for key, stamp in stamps.items() if not ledger.has(key, stamp)]
    for key in track(new, "runs", transient=True, disable=not sys.stderr.isatty()):
        if (record := store.record(key)) is not None:
            content = content_of(store, record)
            replay(build("logger", target.logger, run=content, folder=target.folder), content)
            ledger.note(key, stamps[key])
    whole = hashlib.sha256(json.dumps(stamps).encode()).hexdigest()
    if not ledger.has(store_id(store), whole):
        tables = read_tables(store)
        found = analyse(store, tables, rule_of(tables.runs, "last", "holm", None))
        about = {"id": f"summary-{store_id(store)}", "name": f"summary of {store.root.name}"}
        _log_summary(store, found, target, mode(), about)
        ledger.note(store_id(store), whole)
    return len(new), len(stamps) - len(new), mode()


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


def store_id(store: RunStore) -> str:
    """A name that stays with a store; made at its first export."""
    path = store.root / ".store-id"
    if not path.is_file():
        with tempfile.NamedTemporaryFile(
            "w", dir=store.root, prefix=".store-id-", delete=False, encoding="utf-8"
        ) as file:
            file.write(uuid.uuid4().hex[:16])
        with suppress(FileExistsError):  # another sweep was quicker
            os.link(file.name, path)
        os.unlink(file.name)
    return path.read_text("utf-8").strip()


def log_summary_of_sweep(outcome: Outcome, config: RunConfig, target: Target) -> str:
    """The summary of a sweep's runs, in their group; once more where the same sweep has gone on. How: as `mode`.

    Args:
        config: of one of its runs: selection and group.
    """
    how, store = mode(), outcome.store
    tables, plans = read_tables(store, [job.key for job in outcome.jobs]), planned(store)
    kept = plans.runs[plans.runs["run_key"].isin({job.key for job in outcome.jobs})]
    found = analyse(store, tables, rule_of(tables.runs, config.selection.rule, "holm", None),
                    plans=Planned(kept, plans.configs))  # fmt: skip
    digest = hashlib.sha256(f"{config.group}\n{outcome.name}".encode()).hexdigest()[:8]
    about = {"id": f"summary-{store_id(store)}-{digest}", "name": f"summary of {outcome.name}"}
    about["group"] = config.group or outcome.name
    _log_summary(store, found, target, how, about)
    return how


def _log_summary(store: RunStore, found: Analysis, target: Target, how: str, about: dict[str, Any]) -> None:
    """A run with the tidy table, the table of cells and the report."""
    oracle = bool(found.cells["uses_target_labels"].any()) or found.rule.selection == ORACLE
    about = {
        **about,
        "job_type": "summary",
        "project": target.project,
        "entity": target.entity,
        "name": f"{'ORACLE ' if oracle else ''}{about['name']}",
        "tags": ["summary", *(["ORACLE"] if oracle else [])],
    }
    session = Session()
    waits = (float(target.logger.get(name, seconds)) for name, seconds in WAITS.items())
    begun(session, target.folder, how, about, *waits)
    try:
        _log_tables(session.experiment, store, found, about["id"])
    except BaseException:
        session.end(False)
        raise
    session.end(True)


def _log_tables(run: Any, store: RunStore, found: Analysis, run_id: str) -> None:
    run.summary.update(summary_numbers(found))
    for name, table in (("runs", found.runs), ("cells", found.cells)):
        run.log({name: wandb.Table(dataframe=_shown(table))})
    with tempfile.TemporaryDirectory() as folder:
        artefact = wandb.Artifact(f"report-{run_id.removeprefix('summary-')}", "report")
        for path in _files(found, provenance(store, found.runs), Path(folder)):
            artefact.add_file(str(path))
        run.log_artifact(artefact)


def summary_numbers(found: Analysis) -> dict[str, int | str]:
    """Runs by status and cells by flag, and under which selection."""
    states = found.runs.drop_duplicates("run_key")["status"].value_counts()
    flags = found.cells["flag"].value_counts()
    counts: dict[str, int | str] = {f"runs/{state}": int(n) for state, n in states.items()}
    counts |= {f"cells/{flag}": int(n) for flag, n in flags.items() if flag}
    holes = int((found.cells["hole"] != "").sum())
    return counts | {
        "selection/rule": found.rule.selection,
        "cells/all": len(found.cells),
        "cells/holes": holes,
        "tables/capped": int(len(found.runs) > TABLE_ROWS),
    }


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The first rows of a table, in kinds that W&B's tables take."""
    shown = table.head(TABLE_ROWS).astype(object)
    return shown.where(shown.notna(), None)


def _files(found: Analysis, about: dict[str, object], folder: Path) -> Iterator[Path]:
    (folder / "report.html").write_text(to_html(found, about), "utf-8")
    found.runs.to_csv(folder / "runs.csv", index=False)
    found.cells.to_csv(folder / "cells.csv", index=False)
    yield from sorted(folder.iterdir())
