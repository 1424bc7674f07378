"""Writing of runs: one file or folder each, there whole or not at all; any number of processes may write to one store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tlbench.aside import not_written, replacing, unique
from tlbench.errors import TlbenchError
from tlbench.store.arrow_tables import HISTORY, PREDICTIONS, bytes_of
from tlbench.store.locks import Held, Locks
from tlbench.store.mirroring import is_address
from tlbench.store.reading import Damaged, StoreReader
from tlbench.store.records import CONFIG, FEATURES, OUTLOOKS, TABLE, TERMS, checksums, sealed_record
from tlbench.store.remote.mirror import mirror_at
from tlbench.store.run_files import Part, files_below, lay_out, pack
from tlbench.store.run_places import ASIDE, is_small, put_in_place
from tlbench.store.stamps import RECORD, SUFFIX, object_of

LOCKS = ".locks"
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml's where PyYAML was built with it, which is ten times as fast and writes the same."""


class RunStore(StoreReader):
    """A store that runs are written to; its folder is made at the first write.

    Args:
        root: a folder, or an address, `s3://bucket/prefix`: what is there is then read from a mirror of it in a folder.
    """

    def __init__(self, root: str | Path) -> None:
        super().__init__(root)
        if is_address(root):
            self.mirror = mirror_at(self.where)
            self.root = self.mirror.folder
        self.locks = Locks(self.root / LOCKS, self.mirror.claims)

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
        self.mirror.check()
        for name in self.mirror.unsent():
            key = Path(name).stem
            with suppress(Held), self.lock(key, wait=False):
                self.mirror.send(name)
        self.mirror.look_at_all()

    def add_beside(self, record: dict[str, Any], features: Mapping[str, np.ndarray], model: Path | None = None) -> None:
        """Lay features and a model beside a finished run, and replace its record. The caller holds the run's lock.

        Raises:
            TlbenchError: it cannot be written. The run is as it was then.
        """
        added: dict[str, Part] = {FEATURES: _compressed(features)} if features else {}
        if model is not None:
            added[model.name] = model
        self._change(record["run_key"], record | {"files": {**record.get("files", {}), **checksums(added)}}, added)

    def rewrite_record(self, record: dict[str, Any]) -> None:
        """Replace the record of a finished run at one stroke, its predictions stay. The caller holds the run's lock."""
        self._change(record["run_key"], record, {})

    def _change(self, key: str, record: dict[str, Any], added: Mapping[str, Part]) -> None:
        """Add files to a run and replace its record: in its folder, or, where it is one file, all of it at one stroke."""
        path, sealed = self.path(key), sealed_record(record).encode()
        if path.suffix == SUFFIX:
            try:
                parts: dict[str, Part] = {name: self.part(key, name) for name in self.part_names(key)}
            except ValueError as error:
                raise Damaged(f"{path} is damaged ({error}). {self.remedy(key)}") from error
            with self.mirror.sending(object_of(key), anew=True):
                self._put(key, {**parts, **added, RECORD: sealed})
            return
        with self.mirror.sending(object_of(key), anew=True):
            for name, part in {**added, RECORD: sealed}.items():
                with replacing(path / name) as aside:
                    aside.write_bytes(part) if isinstance(part, bytes) else shutil.move(part, aside)

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
    def lock(self, key: str, wait: bool = True) -> Iterator[None]:
        """Hold the lock of the one process that works on this run; it ends when that process dies, and leaves no file.

        What a process that died had written aside for this run is swept away first.
        """
        with self.locks.held(key, wait):
            try:
                _sweep(self.root / ASIDE / key)
                self.mirror.look(object_of(key), fresh=True)  # another machine may have done the run meanwhile
                yield
            finally:
                _sweep(self.root / ASIDE / key)

    def tidy(self) -> None:
        """Remove what processes that died have left: locks, what they had written aside, the states of runs that are done."""
        self.locks.tidy()
        for folder in (self.root / ASIDE).glob("*"):
            with suppress(Held), self.lock(folder.name, wait=False):
                pass
        for state in (self.root / ".resume").glob("*.ckpt"):
            if self.stamp(state.stem) is not None and self.status(state.stem) == "done":
                self.forget_state(state.stem)

    def new_folder(self, key: str, what: str) -> Path:
        """Make a folder in which something of a run is made before it is in its place. The caller holds the run's lock."""
        folder = self.root / ASIDE / key / unique(what)
        folder.mkdir(parents=True)
        return folder

    def write(
        self,
        record: dict[str, Any],
        config: dict[str, Any],
        predictions: pd.DataFrame | None = None,
        history: pd.DataFrame | None = None,
        extra: Path | None = None,
        features: Mapping[str, np.ndarray] | None = None,
        model: Path | None = None,
        outlooks: Mapping[int, Mapping[str, np.ndarray]] | None = None,
    ) -> None:
        """Write a run aside and rename it into place. The caller holds the run's lock.

        A finished run is never replaced; a failed or skipped one is. `extra`: a folder whose files become its `logs`.
        `features`: arrays for `features`; a run without any leaves no file. `model`: a file of it, moved in. `outlooks`: by step,
        for `outlooks`.

        Raises:
            TlbenchError: it cannot be written: the disk is full, say. Nothing is left of it then.
        """
        key = record["run_key"]
        self.locks.regain(key)
        if self.status(key) == "done":
            return
        parts: dict[str, Part] = {
            CONFIG: yaml.dump(config, Dumper=DUMPER, sort_keys=False).encode(),
            TABLE: bytes_of(predictions, PREDICTIONS),
            TERMS: bytes_of(history, HISTORY),
        }
        if outlooks:
            parts[OUTLOOKS] = _compressed(
                {f"{s}/{name}": a for s, arrays in outlooks.items() for name, a in arrays.items()}
            )
        if features:
            parts[FEATURES] = _compressed(features)
        if model is not None:
            parts[model.name] = model
        parts[RECORD] = sealed_record({**record, "files": checksums(parts)}).encode()
        if extra is not None:
            parts |= {f"logs/{path.relative_to(extra).as_posix()}": path for path in files_below(extra)}
        with self.mirror.sending(object_of(key)):
            self._put(key, parts)

    def _put(self, key: str, parts: Mapping[str, Part]) -> None:
        """Put a run into its place, one file or a folder. Raises TlbenchError."""
        try:
            aside = self.root / ASIDE / key / unique("run")
            if is_small(parts):
                aside.parent.mkdir(parents=True, exist_ok=True)
                pack(aside, parts)
            else:
                lay_out(aside, parts)
            put_in_place(self.root, key, aside)
            with suppress(OSError):
                aside.parent.rmdir()
        except OSError as error:
            _sweep(self.root / ASIDE / key)
            raise not_written(self.root, error) from error


def opened_store(folder: str) -> RunStore:
    """Return the store in a folder, or at an address, as it is now. Raises TlbenchError where there is none."""
    store = RunStore(folder)
    store.mirror.look_at_all()
    if not store.root.is_dir() or not store.mirror.exists():
        what = "is no folder" if store.root.is_file() else "does not exist"
        raise TlbenchError(f"Store '{folder}' {what}. Set by --store or $TLBENCH_STORE; `tlbench sweep` fills it.")
    return store


def _sweep(folder: Path) -> None:
    if os.path.isdir(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _compressed(features: Mapping[str, np.ndarray]) -> bytes:
    file = BytesIO()
    np.savez_compressed(file, **features)  # type: ignore[arg-type]
    return file.getvalue()
