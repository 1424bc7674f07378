"""File formats: each reader gives (inputs, labels as they stand in the file)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from sklearn.datasets import load_svmlight_file

from tlbench.data.domain import Inputs
from tlbench.errors import TlbenchError, unknown


def read_mat(path: Path, *, inputs: str, labels: str) -> tuple[Inputs, np.ndarray]:
    """A MATLAB file up to v7.2: field `inputs` (N, D), field `labels` (N, 1) or (1, N)."""
    try:
        fields = scipy.io.loadmat(path)
    except (ValueError, NotImplementedError, OSError, scipy.io.matlab.MatReadError) as error:
        raise TlbenchError(f"{path} is no MATLAB file up to v7.2 ({error}). Get the file again.") from error
    public = [name for name in fields if not name.startswith("__")]
    return _fields(path, fields, public, inputs, labels)


def read_hdf5(path: Path, *, inputs: str, labels: str) -> tuple[Inputs, np.ndarray]:
    """An HDF5 file (MATLAB v7.3 too): data set `inputs` (N, D) as stored, data set `labels` with N entries."""
    try:
        with h5py.File(path, "r") as file:
            fields = {name: file[name][()] for name in (inputs, labels) if name in file}
            known = list(file)
    except OSError as error:
        raise TlbenchError(f"{path} is no HDF5 file ({error}). Get the file again.") from error
    return _fields(path, fields, known, inputs, labels)


def read_svmlight(path: Path, *, n_features: int, zero_based: bool) -> tuple[Inputs, np.ndarray]:
    """An svmlight file, features numbered from 0 or from 1: (N, n_features) sparse values, labels."""
    try:
        rows, labels = load_svmlight_file(str(path), n_features=n_features, zero_based=zero_based)
    except ValueError as error:
        raise TlbenchError(f"{path} is no svmlight file of {n_features} features ({error}).") from error
    return rows.tocsr(), labels


def _fields(
    path: Path, fields: Mapping[str, Any], known: Iterable[str], inputs: str, labels: str
) -> tuple[np.ndarray, np.ndarray]:
    for field in (inputs, labels):
        if field not in fields:
            raise unknown("field", field, known, f"the reader's config; file {path}")
    return np.asarray(fields[inputs]), np.asarray(fields[labels]).ravel()
