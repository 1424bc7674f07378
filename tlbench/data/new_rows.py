"""Examples without labels in files of the user's own: what a kept model is asked about."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.io

from tlbench.data.readers import matlab_hdf5
from tlbench.errors import TlbenchError, unknown

KINDS = (".npy", ".npz", ".csv", ".parquet", ".mat", ".h5", ".hdf5")


def read_rows(path: Path, inputs: str | None, labels: str | None, columns: Sequence[str] | None = None) -> np.ndarray:
    """Read (N, ...) numbers.

    Args:
        inputs: array or field that holds them, where the file has several.
        labels: column of a table that is left out, if it is there.
        columns: a table's inputs, in the order in which the model was trained on them; None: all, as they stand.

    Raises:
        TlbenchError: no such file, kind of file or array, or what it holds are no numbers.
    """
    kind = path.suffix.lower()
    try:
        if kind == ".npy":
            found = np.load(path, allow_pickle=False)
        elif kind in (".csv", ".parquet"):
            table = pd.read_csv(path) if kind == ".csv" else pd.read_parquet(path)
            found = _columns(path, table.drop(columns=[labels] if labels in table else []), columns).to_numpy()
        elif kind in KINDS:
            found = _array(path, inputs)
        else:
            raise unknown("kind of file", path.suffix, KINDS, str(path))
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, scipy.io.matlab.MatReadError) as error:
        raise TlbenchError(f"{path} cannot be read ({str(error).splitlines()[0]}).") from error
    if found.dtype.kind not in "biuf" or (found.dtype.kind == "f" and not np.isfinite(found).all()):
        raise TlbenchError(f"{path}: its inputs must be finite numbers, and {_odd(found)}.")
    return found


def _odd(found: np.ndarray) -> str:
    """Say what of an array is no finite number."""
    if found.dtype.kind not in "biuf":
        return f"they are {found.dtype}"
    place = np.argwhere(~np.isfinite(found))[0]
    return (
        f"number {place[1] if found.ndim > 1 else 0} of row {place[0]}, both counted from 0, is {found[tuple(place)]}"
    )


def _columns(path: Path, table: pd.DataFrame, wanted: Sequence[str] | None) -> pd.DataFrame:
    """Put columns into the order of training, by name."""
    if wanted is None:
        return table
    table = table.rename(columns=str)
    lost, more = (sorted(one - other) for one, other in ((set(wanted), set(table)), (set(table), set(wanted))))
    if lost or more:
        words = [f"{what} {', '.join(names[:5])}" for what, names in (("lacks", lost), ("has besides", more)) if names]
        raise TlbenchError(
            f"{path}: its columns must be those of the training data, in any order, under their names; it {' and '.join(words)}."
        )
    return table[list(wanted)]


def _array(path: Path, name: str | None) -> np.ndarray:
    """Return the array of this name, or the only one."""
    kind = path.suffix.lower()
    if kind == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[_chosen(path, arrays.files, name)]
    if kind == ".mat" and not h5py.is_hdf5(path):
        fields = {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
        return np.asarray(fields[_chosen(path, list(fields), name)])
    with h5py.File(path, "r") as file:
        chosen = _chosen(path, [key for key in file if not key.startswith("#")], name)
        if kind != ".mat":
            return np.asarray(file[chosen][()])
    return np.asarray(matlab_hdf5(path, [chosen])[0][chosen])


def _chosen(path: Path, names: Sequence[str], wanted: str | None) -> str:
    if wanted in names:
        return str(wanted)
    if len(names) == 1:
        return names[0]
    raise unknown("array", str(wanted), names, f"the run's data set; file {path}")
