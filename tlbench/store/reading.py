"""Reading of a store: records, predictions, histories, features, whether a run is one file or a folder."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from tlbench.errors import TlbenchError
from tlbench.store.arrow_tables import HISTORY, PREDICTIONS, table_of
from tlbench.store.mirroring import NOWHERE, Mirroring
from tlbench.store.records import CONFIG, ESTIMATOR, FEATURES, NETWORK, OUTLOOKS, TABLE, TERMS, checksum, opened_record
from tlbench.store.run_files import files_below, packed_names, packed_part
from tlbench.store.stamps import RECORD, SUFFIX, Stamp, object_of, places, run_stamps, stamp_of

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it, which is ten times as fast and reads the same."""


class Damaged(TlbenchError):
    """A file of a run is not what was written."""


class StoreReader:
    """A folder of runs: `KE/KEY.zip`, where a run is one file, or `KE/KEY`; `KEY` in stores of older versions."""

    def __init__(self, root: str | Path) -> None:
        self.root, self.where = Path(root), str(root)
        self.mirror: Mirroring = NOWHERE

    def run_keys(self) -> list[str]:
        """Return the keys of all runs, in alphabetical order."""
        return list(self.stamps())

    def whole_key(self, start: str) -> str:
        """Return the run key that starts so. Raises TlbenchError where none does, or more than one."""
        found = [key for key in self.run_keys() if key.startswith(start)] if start else []
        if len(found) == 1:
            return found[0]
        what = f"{len(found)} runs whose keys start with '{start}'" if found else f"no run '{start}'"
        raise TlbenchError(
            f"Store '{self.where}' has {what}. Set by --store or $TLBENCH_STORE; a run's key names its file or folder."
        )

    def packed(self, key: str) -> Path:
        """Return the file that a run is, or would be. Where it is there, folders of that name count for nothing."""
        return self.root / object_of(key)

    def path(self, key: str) -> Path:
        """Return where a run lies, or is to lie: a file, or a folder."""
        every = places(self.root, key)
        return Path(next(filter(os.path.exists, every), every[0]))

    def stamps(self) -> dict[str, Stamp]:
        """Return a stamp of each run by its key: all that a look for changes reads of it."""
        self.mirror.look_at_all()
        return run_stamps(self.root)

    def stamp(self, key: str, fresh: bool = False) -> Stamp | None:
        """Return when a run was last written (ns) and its size, or None: new whenever the run is done again.

        Args:
            fresh: a store elsewhere is asked anew; else what was seen of it some seconds ago may count.
        """
        self.mirror.look(object_of(key), fresh)
        return stamp_of(self.path(key))

    def part(self, key: str, name: str) -> bytes:
        """Return a file of a run. Raises FileNotFoundError, and ValueError or OSError where it cannot be read."""
        try:
            return packed_part(self.packed(key), name)
        except FileNotFoundError:
            path = self.path(key)
            if path.suffix == SUFFIX and path.exists():
                raise
        return (path / name).read_bytes()

    def part_names(self, key: str) -> list[str]:
        """Return the names of all files of a run, `logs/metrics.csv` for one. Raises as `part`."""
        path = self.path(key)
        if path.suffix == SUFFIX:
            return packed_names(path)
        return [found.relative_to(path).as_posix() for found in files_below(path)]

    def part_file(self, key: str, name: str) -> Path | None:
        """Return where a file lies that another program is to read; None where the run has none, or is itself one file."""
        path = self.path(key) / name
        return path if path.is_file() else None

    def record(self, key: str) -> dict[str, Any] | None:
        """Return the record of a run, or None. Raises Damaged where it is not the one that was written."""
        self.mirror.look(object_of(key))
        try:
            return opened_record(self.part(key, RECORD).decode("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise Damaged(f"{self.path(key) / RECORD} is damaged ({error}). {self.remedy(key)}") from error

    def status(self, key: str) -> str | None:
        """Return `done`, `failed`, `skipped`, or None for a run that left nothing."""
        record = self.record(key)
        return None if record is None else record["status"]

    def remedy(self, key: str) -> str:
        """Say what helps where a run is damaged."""
        if (elsewhere := self.mirror.remedy(object_of(key))) is not None:
            return elsewhere
        path = self.path(key)
        return f"Delete the {'file' if path.suffix == SUFFIX else 'folder'} '{path}' and run again."

    def _lost(self, key: str, name: str) -> Damaged:
        return Damaged(f"{self.path(key) / name} is missing or damaged. {self.remedy(key)}")

    def config(self, key: str) -> dict[str, Any]:
        """Return a run's resolved config. Raises TlbenchError where the file is missing or damaged."""
        try:
            found = yaml.load(self.part(key, CONFIG).decode("utf-8"), Loader=LOADER)
            if not isinstance(found, dict):
                raise ValueError("it is no config")
            return found
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise self._lost(key, CONFIG) from error

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

    def _table(self, key: str, columns: Sequence[str], name: str = TABLE) -> pa.Table:
        try:
            return table_of(self.part(key, name), columns)
        except (OSError, ValueError) as error:
            raise self._lost(key, name) from error

    def history(self, key: str) -> pd.DataFrame:
        """Return the loss terms of each step: HISTORY. Raises TlbenchError where the file is missing or damaged."""
        return self._table(key, HISTORY, TERMS).to_pandas()

    def has_predictions(self, key: str) -> bool:
        """Tell whether the file is there; it may be damaged. A run that is one file has it: it was written whole."""
        path = self.path(key)
        return path.exists() if path.suffix == SUFFIX else (path / TABLE).exists()

    def keeps_features(self, key: str) -> bool:
        """Tell whether its features are there: the run was done with `embeddings` above 0."""
        return self.part_file(key, FEATURES) is not None

    def model_file(self, key: str) -> Path | None:
        """Return the file of a run's model; None where it kept none."""
        found = (self.part_file(key, name) for name in (NETWORK, ESTIMATOR))
        return next((path for path in found if path is not None), None)

    def features(self, key: str) -> dict[str, np.ndarray]:
        """Return the features that a run kept (`embeddings` above 0), of up to that many training examples of each domain.

        Returns:
            raw_source, raw_target, trained_source, trained_target: (N, D) float32, before and after training (a method that
            learns no features has no trained ones); source_label, oracle_target_label: (N,), row by row the same examples.

        Raises:
            TlbenchError: the run kept none, or the file is damaged.
        """
        path = self.part_file(key, FEATURES)
        if path is None:
            raise TlbenchError(f"Run {key} kept no features. Run it with embeddings=300, say.")
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise Damaged(f"{path} is damaged. {self.remedy(key)}") from error

    def outlooks(self, key: str) -> dict[int, dict[str, np.ndarray]]:
        """Return the arrays of a run's outlook (`tlbench.transfer.warning.outlook`) after each step that a selection
        picks; nothing of a run that kept none.

        Raises:
            TlbenchError: the file is damaged.
        """
        found: dict[int, dict[str, np.ndarray]] = {}
        try:
            with np.load(BytesIO(self.part(key, OUTLOOKS)), allow_pickle=False) as file:
                for name in file:
                    step, _, part = name.partition("/")
                    found.setdefault(int(step), {})[part] = file[name]
        except (FileNotFoundError, KeyError):
            return {}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise self._lost(key, OUTLOOKS) from error
        return found

    def checksum(self, key: str, name: str) -> str | None:
        """Compute the SHA-256 of a file of a run as it is now; None where it cannot be read."""
        try:
            return checksum(self.part_file(key, name) or self.part(key, name))
        except (OSError, ValueError):
            return None

    def damaged_files(self, key: str, record: Mapping[str, Any]) -> list[str]:
        """Return the files of a run that are gone or not those that its record has checksums of."""
        return [name for name, wanted in record.get("files", {}).items() if self.checksum(key, name) != wanted]
