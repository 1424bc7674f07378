"""Arrays of the user's own, one file a domain: NumPy, MATLAB, HDF5, svmlight, CSV or Parquet."""

from __future__ import annotations

import json
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
from tlbench.data.readers import read_hdf5, read_mat, read_npz, read_svmlight
from tlbench.errors import TlbenchError, unknown


class ArrayFiles(FileDataset):
    """One file a domain; its ending names the format.

    Args:
        paths: file of each domain, relative to where the command is given.
        inputs: field or array of the inputs (.npz, .mat, .h5), one name or one a domain; without effect for tables, whose other
            columns are the inputs.
        labels: field, array or column of the labels, one name or one a domain.
        label_map: a label as files have it to what it stands for, `{10: 0}`, or such a map a domain, `{b: {10: 0}}`.
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
        inputs: str | Mapping[str, str],
        labels: str | Mapping[str, str],
        label_map: Mapping[Any, Any] | None = None,
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
        own = {domain: _own(domain, paths, inputs=inputs, labels=labels) for domain in paths}
        named = [(path, str(own[domain].get("labels", labels))) for domain, path in paths.items()]
        columns = next((c for path, name in named if (c := columns_of(path, name)) is not None), None)
        maps = _label_maps(paths, label_map or {})
        shared_map = set() if _is_per_domain(label_map or {}) else {_word(label) for label in label_map or {}}
        for domain, found in maps.items():
            own[domain]["label_map"] = found
        read = partial(
            read_any,
            inputs=inputs if isinstance(inputs, str) else "",
            labels=labels if isinstance(labels, str) else "",
            n_features=n_features,
            columns=columns,
        )
        first = [
            _known(path, Path(path).stat().st_mtime_ns, json.dumps({**read.keywords, **own[domain]}))
            for domain, path in paths.items()
        ]
        if shared_map:
            raw = [{k: v for k, v in own[domain].items() if k != "label_map"} for domain in paths]
            seen = [
                _known(path, Path(path).stat().st_mtime_ns, json.dumps({**read.keywords, **options}))[2]
                for path, options in zip(paths.values(), raw, strict=True)
            ]
            if lost := sorted(shared_map - {_word(label) for labels_ in seen for label in labels_}):
                raise TlbenchError(f"No domain has the label {lost[0]}. Set by dataset.label_map.")
        super().__init__(
            data_dir=".",
            reader=read,
            files={domain: {"path": str(Path(path).resolve()), **own[domain]} for domain, path in paths.items()},
            counts={domain: n for domain, (n, _, _) in zip(paths, first, strict=True)},
            classes=list(first[0][2]) if classes is None else classes,
            input_shape=first[0][1],
            short=short_codes(paths) if short is None else short,
            **base,
        )


@lru_cache(maxsize=64)
def _known(path: str, _changed: int, options: str) -> tuple[int, tuple[int, ...], tuple[Any, ...]]:
    """Summarise a file: examples, shape of one, and the labels in order."""
    x, y = read_any(Path(path), **json.loads(options))
    return len(y), tuple(x.shape[1:]), tuple(np.unique(y).tolist())


def _own(domain: str, paths: Mapping[str, str], **names: str | Mapping[str, str]) -> dict[str, Any]:
    """Return the options of the reader that are a domain's own."""
    found = {}
    for option, given in names.items():
        if isinstance(given, str):
            continue
        if odd := sorted(set(map(str, given)) ^ set(paths)):
            raise TlbenchError(
                f"dataset.{option} must be one name, or one for each of {', '.join(paths)}; '{odd[0]}' is amiss in {dict(given)}."
            )
        found[option] = given[domain]
    return found


def _label_maps(paths: Mapping[str, str], given: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    """Return the map of each domain that has one, labels as words."""
    each = _is_per_domain(given)
    if each and (odd := sorted(set(map(str, given)) - set(paths))):
        raise unknown("domain", odd[0], paths, f"dataset.label_map.{odd[0]}")
    if not each:
        return {domain: {_word(k): v for k, v in given.items()} for domain in paths} if given else {}
    return {str(domain): {_word(k): v for k, v in own.items()} for domain, own in given.items()}


def _is_per_domain(given: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Mapping) for value in given.values())


def _word(label: Any) -> str:
    """Return a label as one word, so that 10, 10.0 and "10" are one."""
    try:
        number = float(label)
    except (TypeError, ValueError):
        return str(label)
    return str(int(number)) if number.is_integer() else f"{number:.12g}"


def columns_of(path: str, labels: str) -> tuple[str, ...] | None:
    """Return the names of a table's inputs in their order; None for files without named columns."""
    read = TABLES.get(Path(path).suffix.lower())
    return None if read is None else tuple(str(name) for name in _table(read, Path(path)) if name != labels)


def read_any(
    path: Path,
    *,
    inputs: str,
    labels: str,
    n_features: int | None,
    columns: Sequence[str] | None = None,
    label_map: Mapping[str, Any] | None = None,
) -> tuple[Rows, np.ndarray]:
    """Read (inputs (N, ...), labels (N,)) from a file whose ending is one of READERS or TABLES.

    Args:
        label_map: labels as words to what stands in their place.
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
    if label_map:
        words = [_word(value) for value in np.asarray(y).tolist()]
        y = np.array([label_map.get(word, value) for word, value in zip(words, np.asarray(y).tolist(), strict=True)])
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
    table: pd.DataFrame, path: Path, labels: str, columns: Sequence[str] | None
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
    ".h5": lambda path, inputs, labels, _: read_hdf5(path, inputs=inputs, labels=labels),
    ".hdf5": lambda path, inputs, labels, _: read_hdf5(path, inputs=inputs, labels=labels),
    ".svmlight": _svmlight,
    ".libsvm": _svmlight,
}
TABLES: dict[str, Callable[[Path], pd.DataFrame]] = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
