"""File formats: each reader gives (inputs, labels as they stand in the file)."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
from sklearn.datasets import load_svmlight_file

from tlbench.data.inputs import Rows
from tlbench.errors import TlbenchError, unknown


def read_mat(path: Path, *, inputs: str, labels: str) -> tuple[Rows, np.ndarray]:
    """Read a MATLAB file of any version: field `inputs` (N, D), field `labels` (N, 1) or (1, N), as MATLAB shows them."""
    if h5py.is_hdf5(path):
        return _fields(path, *matlab_hdf5(path, (inputs, labels)), inputs, labels)
    try:
        fields = scipy.io.loadmat(path)
    except (ValueError, NotImplementedError, OSError, scipy.io.matlab.MatReadError) as error:
        raise TlbenchError(f"{path} is no MATLAB file ({error}). Get the file again.") from error
    public = [name for name in fields if not name.startswith("__")]
    return _fields(path, fields, public, inputs, labels)


def read_npz(path: Path, *, inputs: str, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """Read two arrays of an .npz file by name: inputs (N, ...), labels (N,)."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in (inputs, labels):
                if name not in arrays:
                    raise unknown("array", name, arrays.files, f"dataset.inputs or dataset.labels; file {path}")
            return arrays[inputs], arrays[labels].ravel()
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise TlbenchError(f"{path} is no .npz file of plain arrays ({error}).") from error


def npz_holds(path: Path, name: str) -> bool:
    """Tell whether an .npz file has an array of this name; damage is told when it is read."""
    try:
        with zipfile.ZipFile(path) as arrays:
            return f"{name}.npy" in arrays.namelist()
    except (OSError, zipfile.BadZipFile):
        return True


def read_hdf5(path: Path, *, inputs: str, labels: str) -> tuple[Rows, np.ndarray]:
    """Read an HDF5 file: data set `inputs` (N, D) as stored, data set `labels` with N entries."""
    try:
        with h5py.File(path, "r") as file:
            fields = {name: file[name][()] for name in (inputs, labels) if name in file}
            known = list(file)
    except OSError as error:
        raise TlbenchError(f"{path} is no HDF5 file ({error}). Get the file again.") from error
    return _fields(path, fields, known, inputs, labels)


def matlab_hdf5(path: Path, names: Iterable[str]) -> tuple[dict[str, Rows], list[str]]:
    """Read the fields of these names of a MATLAB file v7.3, which is HDF5, and the names of all that it has.

    MATLAB writes columns first, so axes stand in reverse there.
    """
    try:
        with h5py.File(path, "r") as file:
            known = [name for name in file if not name.startswith("#")]
            return {name: _matlab_array(path, file[name]) for name in names if name in file}, known
    except OSError as error:
        raise TlbenchError(f"{path} is no whole MATLAB file v7.3 ({error}). Get the file again.") from error


def _matlab_array(path: Path, node: h5py.Dataset | h5py.Group) -> Rows:
    kind = node.attrs.get("MATLAB_class", b"struct")
    if "MATLAB_sparse" in node.attrs and "data" in node:
        ends = node["jc"][()]
        shape = int(node.attrs["MATLAB_sparse"]), len(ends) - 1
        return sp.csc_matrix((node["data"][()], node["ir"][()], ends), shape=shape).tocsr()
    if (
        isinstance(node, h5py.Dataset)
        and node.dtype.kind in "biuf"
        and kind != b"char"
        and "MATLAB_empty" not in node.attrs
    ):
        return node[()].T
    kind = kind.decode() if isinstance(kind, bytes) else kind
    raise TlbenchError(
        f"{path}: field '{node.name.strip('/')}' is a {kind} of MATLAB and no array of numbers. Save it as numbers, such as by "
        "double(...)."
    )


def read_svmlight(path: Path, *, n_features: int, zero_based: bool) -> tuple[Rows, np.ndarray]:
    """Read an svmlight file, features numbered from 0 or from 1: (N, n_features) sparse values, labels."""
    try:
        rows, labels = load_svmlight_file(str(path), n_features=n_features, zero_based=zero_based)
    except (ValueError, OSError, EOFError) as error:
        raise TlbenchError(f"{path} is no svmlight file of {n_features} features ({error}).") from error
    return rows.tocsr(), labels


def read_idx(images: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST's idx files, gzipped or not: images (N, H, W) uint8, labels (N,)."""
    found = []
    for path, axes in ((images, 3), (labels, 1)):
        try:
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError, zlib.error) as error:
            raise TlbenchError(f"{path} is no gzip file ({error}). Get the file again.") from error
        shape = np.frombuffer(content[4 : 4 + 4 * axes], dtype=">i4")
        if content[:4] != bytes((0, 0, 8, axes)) or len(content) != 4 + 4 * axes + int(np.prod(shape, dtype=np.int64)):
            raise TlbenchError(f"{path} is no whole idx file of bytes with {axes} axes. Get the file again.")
        found.append(np.frombuffer(content[4 + 4 * axes :], dtype=np.uint8).reshape(shape))
    return found[0], found[1].astype(np.int64)


def read_svhn(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read SVHN's .mat files: X (32, 32, 3, N), y (N, 1) with 10 for the digit 0; images (N, 32, 32, 3) uint8, labels (N,)."""
    images, labels = read_mat(path, inputs="X", labels="y")
    if images.ndim != 4 or images.shape[2] != 3:
        raise TlbenchError(f"{path}: field X must have shape (H, W, 3, N), got {images.shape}.")
    return np.ascontiguousarray(images.transpose(3, 0, 1, 2)), labels.astype(np.int64) % 10


def read_usps(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read USPS as LIBSVM distributes it: 256 values in [-1, 1], labels 1 to 10; images (N, 16, 16) uint8, labels 0 to 9."""
    rows, labels = read_svmlight(path, n_features=256, zero_based=False)
    dense = rows if isinstance(rows, np.ndarray) else rows.toarray()
    grey = np.rint((dense + 1) * 127.5).clip(0, 255).astype(np.uint8)
    return grey.reshape(-1, 16, 16), labels.astype(np.int64) - 1


def read_letters(path: Path, *, columns: Mapping[str, str], split: str, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the rows of a table of letters without a heading whose column `split` holds `value`: (N, D) of 0 and 1, labels (N,).

    The first field of a row is its label.

    Args:
        columns: name of each further field, in their order, to the letters that it may hold; one input for each letter.
        split: the column that tells domains apart, and is no input.
    """
    try:
        table = pd.read_csv(path, header=None, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise TlbenchError(f"{path} cannot be read as a table ({error}).") from error
    if table.shape[1] != 1 + len(columns):
        raise TlbenchError(f"{path}: rows have {table.shape[1]} fields, not {1 + len(columns)}. Get the file again.")
    table.columns = ["", *columns]
    for name, letters in columns.items():
        if strange := sorted(set(table[name]) - set(letters)):
            raise TlbenchError(f"{path}: column '{name}' holds '{strange[0]}', which is none of '{letters}'.")
    rows = table[table[split] == value]
    blocks = [rows[[name]].to_numpy() == list(letters) for name, letters in columns.items() if name != split]
    return np.concatenate(blocks, axis=1).astype(np.float64), rows[""].to_numpy(dtype=str)


def _fields(
    path: Path, fields: Mapping[str, Any], known: Iterable[str], inputs: str, labels: str
) -> tuple[Rows, np.ndarray]:
    for field in (inputs, labels):
        if field not in fields:
            raise unknown("field", field, known, f"the reader's config; file {path}")
    found = fields[inputs]
    return found.tocsr() if sp.issparse(found) else np.asarray(found), np.asarray(fields[labels]).ravel()
