"""One folder a run, there whole or not at all; any number of processes may write to one store."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from filelock import FileLock

from tlbench.errors import TlbenchError

SCHEMA = 2
"""Of the records; those of another are left alone."""
PREDICTIONS = ["step", "row", "id", "group", "label", "prediction", "confidence"]
HISTORY = ["step", "name", "value"]
FEATURES = "features.npz"
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it, which is ten times as fast and writes the same."""


class RunStore:
    """A folder of run folders, each named by its run key.

    Args:
        root: the folder; made at the first write.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def check_writable(self) -> None:
        """Raises TlbenchError where runs cannot be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise TlbenchError(
                f"Store '{self.root}' cannot be written ({error.strerror}). Set by store=... or $TLBENCH_STORE."
            ) from error

    def run_keys(self) -> list[str]:
        """Keys of all runs that left a folder, in alphabetical order."""
        return list(self.stamps())

    def stamps(self) -> dict[str, tuple[int, int]]:
        """When each record was last written (ns) and its size, by run key: all that a look for changes reads of a run."""
        found: dict[str, tuple[int, int]] = {}
        root = str(self.root)
        try:
            names = os.listdir(root)
        except OSError:
            return found
        for name in names:
            if name[0] in "0123456789abcdef":
                try:
                    at = os.stat(f"{root}/{name}/record.json")
                except OSError:
                    continue
                found[name] = (at.st_mtime_ns, at.st_size)
        return dict(sorted(found.items()))

    def record(self, key: str) -> dict[str, Any] | None:
        """The record of a run, or None."""
        path = self.root / key / "record.json"
        try:
            record = json.loads(path.read_text("utf-8"))
            if not isinstance(record, dict) or "status" not in record:
                raise ValueError("it is no record of a run")
            return record
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise TlbenchError(
                f"{path} is damaged ({error}). Delete the folder '{path.parent}' and run again."
            ) from error

    def stamp(self, key: str) -> int | None:
        """When the record of a run was last written (ns), or None: it changes whenever the run is done again."""
        try:
            return (self.root / key / "record.json").stat().st_mtime_ns
        except OSError:
            return None

    def status(self, key: str) -> str | None:
        """`done`, `failed`, `skipped`, or None for a run that left nothing."""
        record = self.record(key)
        return None if record is None else record["status"]

    def config(self, key: str) -> dict[str, Any]:
        """A run's resolved config. Raises TlbenchError where the file is missing or damaged."""
        path = self.root / key / "config.yaml"
        try:
            found = yaml.load(path.read_text("utf-8"), Loader=LOADER)
            if not isinstance(found, dict):
                raise ValueError("it is no config")
            return found
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise _lost(path) from error

    def predictions(self, key: str, selection: str) -> pd.DataFrame:
        """Test predictions of a run under one selection: row, id, group, label, prediction, confidence."""
        record = self.record(key)
        if record is None or selection not in record.get("selections", {}):
            raise TlbenchError(f"Run {key} has no predictions under selection {selection}.")
        return self.at_step(key, record["selections"][selection]["step"])

    def at_step(self, key: str, step: int) -> pd.DataFrame:
        """Test predictions of a run after a step that some selection picks."""
        table = self._table(key, PREDICTIONS)
        return table.filter(pc.equal(table["step"], step)).drop_columns("step").to_pandas()

    def arrays_at_step(self, key: str, step: int, columns: Sequence[str]) -> list[np.ndarray]:
        """Some columns of `at_step` as arrays: what a report reads ten thousand times."""
        table = self._table(key, ["step", *columns])
        chosen = table["step"].to_numpy() == step
        return [table[name].to_numpy()[chosen] for name in columns]

    def _table(self, key: str, columns: Sequence[str], name: str = "predictions.parquet") -> pa.Table:
        path = self.root / key / name
        try:
            with pq.ParquetFile(path) as file:  # read_table makes a data set of every file first, which takes longer
                return file.read(columns=list(columns), use_threads=False)
        except (OSError, ValueError) as error:
            raise _lost(path) from error

    def history(self, key: str) -> pd.DataFrame:
        """Loss terms of each step: HISTORY. Raises TlbenchError where the file is missing or damaged."""
        return self._table(key, HISTORY, "history.parquet").to_pandas()

    def has_predictions(self, key: str) -> bool:
        """Whether the file is there; it may be damaged."""
        return os.path.exists(f"{self.root}/{key}/predictions.parquet")

    def keeps_features(self, key: str) -> bool:
        """Whether its features are there: the run was done with `embeddings` above 0."""
        return (self.root / key / FEATURES).is_file()

    def features(self, key: str) -> dict[str, np.ndarray]:
        """Features that a run kept (`embeddings` above 0), of up to that many training examples of each domain.

        Returns:
            raw_source, raw_target, trained_source, trained_target: (N, D) float32, before and after training (a method that
            learns no features has no trained ones); source_label, oracle_target_label: (N,), row by row the same examples.

        Raises:
            TlbenchError: the run kept none, or the file is damaged.
        """
        path = self.root / key / FEATURES
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except FileNotFoundError as error:
            raise TlbenchError(f"Run {key} kept no features. Run it with embeddings=300, say.") from error
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise TlbenchError(f"{path} is damaged. Delete the folder '{path.parent}' and run again.") from error

    def add_features(self, record: dict[str, Any], features: Mapping[str, np.ndarray]) -> None:
        """Lays features beside a finished run, and replaces its record. The caller holds the run's lock."""
        folder = self.root / record["run_key"]
        with tempfile.NamedTemporaryFile("wb", dir=folder, suffix=".part", delete=False) as file:
            np.savez_compressed(file, **features)  # type: ignore[arg-type]
        os.replace(file.name, folder / FEATURES)
        self.rewrite_record(record)

    def resume_file(self, key: str) -> Path:
        """Where a run that is not finished keeps its state."""
        return self.root / ".resume" / f"{key}.ckpt"

    def went_on(self, key: str, since: float) -> bool:
        """Whether a run has kept a state since that time (seconds since 1970)."""
        path = self.resume_file(key)
        return path.is_file() and path.stat().st_mtime > since

    def forget_state(self, key: str) -> None:
        """Removes what a run that is not finished has kept."""
        for path in (self.resume_file(key), self.resume_file(key).with_suffix(".part")):
            path.unlink(missing_ok=True)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Held by the one process that works on this run; freed by the system when that process dies.

        What a process that died had written aside for this run is swept away first.
        """
        folder = self.root / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            for stale in self.root.glob(f".{key}-*"):
                shutil.rmtree(stale, ignore_errors=True)
            yield

    def rewrite_record(self, record: dict[str, Any]) -> None:
        """Replaces the record of a finished run at one stroke, its predictions stay. The caller holds the run's lock."""
        folder = self.root / record["run_key"]
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False, encoding="utf-8") as file:
            json.dump(record, file, allow_nan=False)
        os.replace(file.name, folder / "record.json")

    def write(
        self,
        record: dict[str, Any],
        config: dict[str, Any],
        predictions: pd.DataFrame | None = None,
        history: pd.DataFrame | None = None,
        extra: Path | None = None,
        features: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Writes a run aside and renames it into place. The caller holds the run's lock.

        A finished run is never replaced; a failed or skipped one is. `extra`: a folder moved in as it is (logs).
        `features`: arrays for `features`; a run without any leaves no file.
        """
        key = record["run_key"]
        final = self.root / key
        if self.status(key) == "done":
            return
        aside = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=self.root))
        aside.chmod(0o755)
        (aside / "config.yaml").write_text(yaml.dump(config, Dumper=DUMPER, sort_keys=True), "utf-8")
        if predictions is None:
            predictions = pd.DataFrame(columns=PREDICTIONS)
        if history is None:
            history = pd.DataFrame(columns=HISTORY)
        _write_table(predictions, PREDICTIONS, aside / "predictions.parquet")
        _write_table(history, HISTORY, aside / "history.parquet")
        (aside / "record.json").write_text(json.dumps(record, allow_nan=False), "utf-8")
        if features:
            np.savez_compressed(aside / FEATURES, **features)  # type: ignore[arg-type]
        if extra is not None and extra.is_dir() and any(extra.iterdir()):
            shutil.move(str(extra), aside / "logs")
        if final.exists():
            trash = Path(tempfile.mkdtemp(prefix=".old-", dir=self.root))
            os.rename(final, trash / key)
            os.rename(aside, final)
            shutil.rmtree(trash, ignore_errors=True)
        else:
            os.rename(aside, final)


def _write_table(table: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    """What `DataFrame.to_parquet` writes, column by column, without its look at the whole: a third of the time."""
    pq.write_table(pa.table({name: pa.array(table[name], from_pandas=True) for name in columns}), path)


def _lost(path: Path) -> TlbenchError:
    return TlbenchError(f"{path} is missing or damaged. Delete the folder '{path.parent}' and run again.")
