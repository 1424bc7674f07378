"""One folder a run, there whole or not at all; any number of processes may write to one store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from filelock import FileLock

from tlbench.aside import not_written, replacing, unique
from tlbench.errors import TlbenchError
from tlbench.store.reading import FEATURES, HISTORY, PREDICTIONS, StoreReader
from tlbench.store.records import checksum, checksums, sealed_record

ASIDE = ".aside"
"""Where the folders of runs are made, under their keys: a lock sweeps its own run's alone, however many runs there are."""
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml's where PyYAML was built with it, which is ten times as fast and writes the same."""


class RunStore(StoreReader):
    """A store that runs are written to; its folder is made at the first write."""

    def check_writable(self) -> None:
        """Raise TlbenchError where runs cannot be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise TlbenchError(
                f"Store '{self.root}' cannot be written ({error.strerror}). Set by store=... or $TLBENCH_STORE."
            ) from error

    def add_beside(self, record: dict[str, Any], features: Mapping[str, np.ndarray], model: Path | None = None) -> None:
        """Lay features and a model beside a finished run, and replace its record. The caller holds the run's lock."""
        folder = self.folder(record["run_key"])
        added = {}
        if features:
            with replacing(folder / FEATURES) as aside, open(aside, "wb") as file:
                np.savez_compressed(file, **features)  # type: ignore[arg-type]
            added[FEATURES] = checksum(folder / FEATURES)
        if model is not None:
            with replacing(folder / model.name) as aside:
                shutil.move(model, aside)
            added[model.name] = checksum(folder / model.name)
        self.rewrite_record({**record, "files": {**record.get("files", {}), **added}})

    def resume_file(self, key: str) -> Path:
        """Return where a run that is not finished keeps its state."""
        return self.root / ".resume" / f"{key}.ckpt"

    def went_on(self, key: str, since: float) -> bool:
        """Tell whether a run has kept a state since that time (seconds since 1970)."""
        path = self.resume_file(key)
        return path.is_file() and path.stat().st_mtime > since

    def forget_state(self, key: str) -> None:
        """Remove what a run that is not finished has kept."""
        for path in (self.resume_file(key), self.resume_file(key).with_suffix(".part")):
            path.unlink(missing_ok=True)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the lock of the one process that works on this run; the system frees it when that process dies.

        What a process that died had written aside for this run is swept away first. The lock leaves no file: one that waits for
        it finds that what it waited for is gone, and takes a new one.
        """
        path, aside = self.root / ".locks" / f"{key}.lock", self.root / ASIDE / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            try:
                _sweep(aside)
                yield
            finally:
                _sweep(aside)
                with suppress(OSError):
                    path.unlink()

    def new_folder(self, key: str, what: str) -> Path:
        """Make a folder in which something of a run is made before it is in its place. The caller holds the run's lock."""
        folder = self.root / ASIDE / key / unique(what)
        folder.mkdir(parents=True)
        return folder

    def rewrite_record(self, record: dict[str, Any]) -> None:
        """Replace the record of a finished run at one stroke, its predictions stay. The caller holds the run's lock."""
        with replacing(self.folder(record["run_key"]) / "record.json") as aside:
            aside.write_text(sealed_record(record), "utf-8")

    def write(
        self,
        record: dict[str, Any],
        config: dict[str, Any],
        predictions: pd.DataFrame | None = None,
        history: pd.DataFrame | None = None,
        extra: Path | None = None,
        features: Mapping[str, np.ndarray] | None = None,
        model: Path | None = None,
    ) -> None:
        """Write a run aside and rename it into place. The caller holds the run's lock.

        A finished run is never replaced; a failed or skipped one is. `extra`: a folder moved in as it is (logs).
        `features`: arrays for `features`; a run without any leaves no file. `model`: a file of it, moved in.

        Raises:
            TlbenchError: it cannot be written: the disk is full, say. Nothing is left of it then.
        """
        key = record["run_key"]
        if self.status(key) == "done":
            return
        try:
            aside = self.new_folder(key, "run")
            (aside / "config.yaml").write_text(yaml.dump(config, Dumper=DUMPER, sort_keys=True), "utf-8")
            _write_table(predictions, PREDICTIONS, aside / "predictions.parquet")
            _write_table(history, HISTORY, aside / "history.parquet")
            if features:
                np.savez_compressed(aside / FEATURES, **features)  # type: ignore[arg-type]
            if model is not None:
                shutil.move(model, aside / model.name)
            (aside / "record.json").write_text(sealed_record({**record, "files": checksums(aside)}), "utf-8")
            if extra is not None and extra.is_dir() and any(extra.iterdir()):
                shutil.move(str(extra), aside / "logs")
            self._put(aside, key)
        except OSError as error:
            _sweep(self.root / ASIDE / key)
            raise not_written(self.root, error) from error

    def _put(self, aside: Path, key: str) -> None:
        final = self.folder(key)
        if final.exists():
            trash = self.new_folder(key, "old")
            os.rename(final, trash / key)
            os.rename(aside, final)
            _sweep(trash)
        else:
            os.rename(aside, final)
        with suppress(OSError):
            aside.parent.rmdir()


def opened_store(folder: str) -> RunStore:
    """Return the store in a folder. Raises TlbenchError where there is none."""
    store = RunStore(folder)
    if not store.root.is_dir():
        what = "is no folder" if store.root.exists() else "does not exist"
        raise TlbenchError(f"Store '{folder}' {what}. Set by --store or $TLBENCH_STORE; `tlbench sweep` fills it.")
    return store


def _sweep(folder: Path) -> None:
    if os.path.isdir(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _write_table(table: pd.DataFrame | None, columns: Sequence[str], path: Path) -> None:
    """Write what `DataFrame.to_parquet` writes, column by column, without its look at the whole: a third of the time."""
    if table is None:
        table = pd.DataFrame(columns=list(columns))
    pq.write_table(pa.table({name: pa.array(table[name], from_pandas=True) for name in columns}), path)
