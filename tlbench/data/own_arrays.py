"""Arrays of the user's own, one file a domain: NumPy, MATLAB, svmlight, CSV or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from tlbench.data.domain_codes import short_codes
from tlbench.data.files import FileDataset
from tlbench.data.inputs import Rows
from tlbench.data.readers import read_mat, read_npz, read_svmlight
from tlbench.errors import TlbenchError, unknown


class ArrayFiles(FileDataset):
    """One file a domain; its ending names the format.

    Args:
        paths: file of each domain, relative to where the command is given.
        inputs: field or array of the inputs (.npz, .mat); without effect for tables, whose other columns are the inputs.
        labels: field, array or column of the labels.
        n_features: for svmlight files, whose features are numbered from 1.
        classes: names of the classes in the order of the sorted labels; None: the labels.
        short: short code of each domain; None: made of first letters.
        base: see FileDataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        paths: Mapping[str, str],
        inputs: str,
        labels: str,
        n_features: int | None = None,
        classes: Sequence[Any] | None = None,
        short: Mapping[str, str] | None = None,
        **base: Any,
    ) -> None:
        if len(paths) < 2:
            raise TlbenchError(f"dataset.paths must name two or more domains, got {', '.join(paths) or 'none'}.")
        for domain, path in paths.items():
            if not Path(path).is_file():
                raise TlbenchError(f"File '{path}' does not exist. Set by dataset.paths.{domain}=...")
        columns = next((c for path in paths.values() if (c := columns_of(path, labels)) is not None), None)
        read = partial(read_any, inputs=inputs, labels=labels, n_features=n_features, columns=columns)
        first = [_known(path, Path(path).stat().st_mtime_ns, **read.keywords) for path in paths.values()]
        super().__init__(
            data_dir=".",
            reader=read,
            files={domain: {"path": str(Path(path).resolve())} for domain, path in paths.items()},
            counts={domain: n for domain, (n, _, _) in zip(paths, first, strict=True)},
            classes=list(first[0][2]) if classes is None else classes,
            input_shape=first[0][1],
            short=short_codes(paths) if short is None else short,
            **base,
        )


@lru_cache(maxsize=64)
def _known(path: str, _changed: int, **options: Any) -> tuple[int, tuple[int, ...], tuple[Any, ...]]:
    """Summarise a file: examples, shape of one, and the labels in order."""
    x, y = read_any(Path(path), **options)
    return len(y), tuple(x.shape[1:]), tuple(np.unique(y).tolist())


def columns_of(path: str, labels: str) -> tuple[str, ...] | None:
    """Return the names of a table's inputs in their order; None for files without named columns."""
    read = TABLES.get(Path(path).suffix.lower())
    return None if read is None else tuple(str(name) for name in _table(read, Path(path)) if name != labels)


def read_any(
    path: Path, *, inputs: str, labels: str, n_features: int | None, columns: tuple[str, ...] | None = None
) -> tuple[Rows, np.ndarray]:
    """Read (inputs (N, ...), labels (N,)) from a file whose ending is one of READERS or TABLES.

    Args:
        columns: a table's inputs, in this order whatever that of the file: domains share one feature space.
    """
    kind = path.suffix.lower()
    if kind in TABLES:
        x, y = _from_table(_table(TABLES[kind], path), path, labels, columns)
    elif kind in READERS:
        x, y = READERS[kind](path, inputs, labels, n_features)
    else:
        raise unknown("kind of file", path.suffix, [*READERS, *TABLES], f"dataset.paths; file {path}")
    if missing := int(pd.isna(np.asarray(y)).sum()):
        raise TlbenchError(f"{path}: {missing} labels are missing.")
    values = np.asarray(x.data if sp.issparse(x) else x)
    if values.dtype.kind not in "biuf":
        raise TlbenchError(f"{path}: the inputs are {values.dtype}, not numbers.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise TlbenchError(f"{path}: {int((~np.isfinite(values)).sum())} input values are missing or not finite.")
    return x, y


def _table(read: Callable[[Path], pd.DataFrame], path: Path) -> pd.DataFrame:
    try:
        return read(path)
    except (OSError, ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TlbenchError(f"{path} cannot be read as a table ({error}).") from error


def _from_table(
    table: pd.DataFrame, path: Path, labels: str, columns: tuple[str, ...] | None
) -> tuple[np.ndarray, np.ndarray]:
    if labels not in table:
        raise unknown("column", labels, table.columns, f"dataset.labels; file {path}")
    rest = table.drop(columns=labels).rename(columns=str)
    wanted = list(rest) if columns is None else list(columns)
    if odd := sorted(set(wanted) ^ set(rest)):
        raise TlbenchError(f"{path}: its columns differ from those of the first domain in {', '.join(odd[:5])}.")
    texts = [name for name in wanted if rest[name].dtype.kind not in "biuf"]
    if texts:
        raise TlbenchError(f"{path}: column '{texts[0]}' holds no numbers. Leave it out, or encode it.")
    return rest[wanted].to_numpy(dtype=np.float64), table[labels].to_numpy()


def _svmlight(path: Path, _inputs: str, _labels: str, n_features: int | None) -> tuple[Rows, np.ndarray]:
    if n_features is None:
        raise TlbenchError(f"{path}: set dataset.n_features; a svmlight file does not say how many there are.")
    return read_svmlight(path, n_features=n_features, zero_based=False)


READERS: dict[str, Callable[..., tuple[Rows, np.ndarray]]] = {
    ".npz": lambda path, inputs, labels, _: read_npz(path, inputs=inputs, labels=labels),
    ".mat": lambda path, inputs, labels, _: read_mat(path, inputs=inputs, labels=labels),
    ".svmlight": _svmlight,
    ".libsvm": _svmlight,
}
TABLES: dict[str, Callable[[Path], pd.DataFrame]] = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
