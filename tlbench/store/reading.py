"""Reading of a store: records, predictions, histories, features, each run in its folder."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from tlbench.errors import TlbenchError
from tlbench.store.records import ESTIMATOR, NETWORK, checksum, opened_record

PREDICTIONS = ["step", "row", "id", "group", "label", "prediction", "confidence"]
HISTORY = ["step", "name", "value"]
FEATURES = "features.npz"
SHARD = 2
"""Letters of the key that name a folder of runs, where a store is divided."""
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it, which is ten times as fast and reads the same."""


class Damaged(TlbenchError):
    """A file of a run is not what was written."""


class StoreReader:
    """A folder of run folders, each named by its run key: `KEY`, or, where there are very many, `KE/KEY`."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def run_keys(self) -> list[str]:
        """Return the keys of all runs that left a folder, in alphabetical order."""
        return list(self.stamps())

    def whole_key(self, start: str) -> str:
        """Return the run key that starts so. Raises TlbenchError where none does, or more than one."""
        found = [key for key in self.run_keys() if key.startswith(start)] if start else []
        if len(found) == 1:
            return found[0]
        what = f"{len(found)} runs whose keys start with '{start}'" if found else f"no run '{start}'"
        raise TlbenchError(
            f"Store '{self.root}' has {what}. Set by --store or $TLBENCH_STORE; a run's key names its folder."
        )

    def folder(self, key: str) -> Path:
        """Return where a run lies, or is to lie: the one place that knows."""
        flat, shard = f"{self.root}/{key}", f"{self.root}/{key[:SHARD]}/{key}"
        return Path(shard if not os.path.isdir(flat) and os.path.isdir(shard) else flat)

    def stamps(self) -> dict[str, tuple[int, int]]:
        """Return when each record was last written (ns) and its size, by run key: all that a look for changes reads of a run."""
        found: dict[str, tuple[int, int]] = {}
        folders = [str(self.root)]
        while folders:
            folder = folders.pop()
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                if name[0] in "0123456789abcdef":
                    try:
                        at = os.stat(f"{folder}/{name}/record.json")
                    except OSError:
                        if len(name) == SHARD:
                            folders.append(f"{folder}/{name}")
                        continue
                    found[name] = (at.st_mtime_ns, at.st_size)
        return dict(sorted(found.items()))

    def record(self, key: str) -> dict[str, Any] | None:
        """Return the record of a run, or None. Raises Damaged where it is not the one that was written."""
        path = self.folder(key) / "record.json"
        try:
            return opened_record(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise Damaged(f"{path} is damaged ({error}). Delete the folder '{path.parent}' and run again.") from error

    def stamp(self, key: str) -> tuple[int, int] | None:
        """Return when the record of a run was last written (ns) and its size, or None: new whenever the run is done again."""
        try:
            at = os.stat(self.folder(key) / "record.json")
        except OSError:
            return None
        return at.st_mtime_ns, at.st_size

    def status(self, key: str) -> str | None:
        """Return `done`, `failed`, `skipped`, or None for a run that left nothing."""
        record = self.record(key)
        return None if record is None else record["status"]

    def config(self, key: str) -> dict[str, Any]:
        """Return a run's resolved config. Raises TlbenchError where the file is missing or damaged."""
        path = self.folder(key) / "config.yaml"
        try:
            found = yaml.load(path.read_text("utf-8"), Loader=LOADER)
            if not isinstance(found, dict):
                raise ValueError("it is no config")
            return found
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise _lost(path) from error

    def predictions(self, key: str, selection: str) -> pd.DataFrame:
        """Return the test predictions of a run under one selection: row, id, group, label, prediction, confidence."""
        record = self.record(key)
        if record is None or selection not in record.get("selections", {}):
            raise TlbenchError(f"Run {key} has no predictions under selection {selection}.")
        return self.at_step(key, record["selections"][selection]["step"])

    def at_step(self, key: str, step: int) -> pd.DataFrame:
        """Return the test predictions of a run after a step that some selection picks."""
        table = self._table(key, PREDICTIONS)
        return table.filter(pc.equal(table["step"], step)).drop_columns("step").to_pandas()

    def every_prediction(self, key: str) -> pd.DataFrame:
        """Return the test predictions of a run at all steps that some selection picks: PREDICTIONS."""
        return self._table(key, PREDICTIONS).to_pandas()

    def arrays_at_step(self, key: str, step: int, columns: Sequence[str]) -> list[np.ndarray]:
        """Return some columns of `at_step` as arrays: what a report reads ten thousand times."""
        table = self._table(key, ["step", *columns])
        chosen = table["step"].to_numpy() == step
        return [table[name].to_numpy()[chosen] for name in columns]

    def _table(self, key: str, columns: Sequence[str], name: str = "predictions.parquet") -> pa.Table:
        path = self.folder(key) / name
        try:
            with pq.ParquetFile(path) as file:  # read_table makes a data set of every file first, which takes longer
                return file.read(columns=list(columns), use_threads=False)
        except (OSError, ValueError) as error:
            raise _lost(path) from error

    def history(self, key: str) -> pd.DataFrame:
        """Return the loss terms of each step: HISTORY. Raises TlbenchError where the file is missing or damaged."""
        return self._table(key, HISTORY, "history.parquet").to_pandas()

    def has_predictions(self, key: str) -> bool:
        """Tell whether the file is there; it may be damaged."""
        return os.path.exists(self.folder(key) / "predictions.parquet")

    def keeps_features(self, key: str) -> bool:
        """Tell whether its features are there: the run was done with `embeddings` above 0."""
        return (self.folder(key) / FEATURES).is_file()

    def model_file(self, key: str) -> Path | None:
        """Return the file of a run's model; None where it kept none."""
        found = (self.folder(key) / name for name in (NETWORK, ESTIMATOR))
        return next((path for path in found if path.is_file()), None)

    def features(self, key: str) -> dict[str, np.ndarray]:
        """Return the features that a run kept (`embeddings` above 0), of up to that many training examples of each domain.

        Returns:
            raw_source, raw_target, trained_source, trained_target: (N, D) float32, before and after training (a method that
            learns no features has no trained ones); source_label, oracle_target_label: (N,), row by row the same examples.

        Raises:
            TlbenchError: the run kept none, or the file is damaged.
        """
        path = self.folder(key) / FEATURES
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except FileNotFoundError as error:
            raise TlbenchError(f"Run {key} kept no features. Run it with embeddings=300, say.") from error
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise Damaged(f"{path} is damaged. Delete the folder '{path.parent}' and run again.") from error

    def checksum(self, key: str, name: str) -> str | None:
        """Compute the SHA-256 of a file of a run as it is now; None where it cannot be read."""
        try:
            return checksum(self.folder(key) / name)
        except OSError:
            return None

    def damaged_files(self, key: str, record: Mapping[str, Any]) -> list[str]:
        """Return the files of a run that are gone or not those that its record has checksums of."""
        return [name for name, wanted in record.get("files", {}).items() if self.checksum(key, name) != wanted]


def _lost(path: Path) -> TlbenchError:
    return Damaged(f"{path} is missing or damaged. Delete the folder '{path.parent}' and run again.")
