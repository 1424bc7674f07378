"""Data sets in files: a YAML over a reader, no code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache

from tlbench.caching import once
from tlbench.data.base_dataset import Dataset
from tlbench.data.domain import Domain
from tlbench.data.inputs import Rows, stack
from tlbench.data.readers import npz_holds
from tlbench.errors import TlbenchError

MOST_LOADED = 8
"""Domains that stay in memory: the runs of a sweep ask for the same few again and again."""


class FileDataset(Dataset):
    """Domains that are read from files below `data_dir`.

    Args:
        data_dir: folder that holds the files.
        reader: `reader(path, **options) -> (inputs, labels)`, one of `tlbench.data.readers`.
        files: for each domain either `{path: ..., options of the reader}` or `{train: path, test: path}`, where the
            data set is distributed with a test part; a part may be `{path: ..., options of the reader}` itself.
        counts: examples per domain; a file that holds another number is refused.
        base: see Dataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        reader: Callable[..., tuple[Rows, np.ndarray]],
        files: Mapping[str, Mapping[str, Any]],
        counts: Mapping[str, int],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.data_dir, self.reader, self.files, self.counts = Path(data_dir), reader, files, dict(counts)
        self._loaded: LRUCache = LRUCache(MOST_LOADED)

    def _parts(self, domain: str) -> list[tuple[Path, dict[str, Any]]]:
        parts = [(self._found(name), options) for name, options in self._named(domain)]
        for path, options in parts:
            if not self._holds(path, options):
                raise TlbenchError(
                    f"{self.name}: domain '{domain}' is not in '{path}': it has no array '{options['inputs']}'. "
                    f"`tlbench data check {self.name}` says which domains are here."
                )
        return parts

    def _named(self, domain: str) -> list[tuple[str, dict[str, Any]]]:
        """File and reader's options of each part of a domain."""
        shared = dict(self.files[domain])
        parts = [shared.pop(part) for part in ("path", "train", "test") if part in shared]
        entries = [{"path": part} if isinstance(part, str) else part for part in parts]
        return [(entry["path"], {**shared, **{k: v for k, v in entry.items() if k != "path"}}) for entry in entries]

    def is_here(self, domain: str) -> bool:
        return any(self._holds(self.data_dir / name, options) for name, options in self._named(domain))

    def _holds(self, path: Path, options: Mapping[str, Any]) -> bool:
        named = path.suffix == ".npz" and "inputs" in options
        return path.is_file() and (not named or npz_holds(path, options["inputs"]))

    def _found(self, name: str) -> Path:
        path = self.data_dir / name
        if path.is_file():
            return path
        set_by = "Set by data_dir=... or $TLBENCH_DATA"
        if not self.data_dir.is_dir():
            raise TlbenchError(f"Data folder '{self.data_dir}' does not exist; {self.name} needs it. {set_by}.")
        homepage = self.about.get("homepage", "")
        raise TlbenchError(f"{self.name}: file '{name}' is missing in '{self.data_dir}'. {set_by}. Source: {homepage}")

    def load(self, domain: str) -> Domain:
        stats = [path.stat() for name in (domain, self._first) for path, _ in self._parts(name)]
        state = domain, *((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)
        return once(self._loaded, state, lambda: self._read(domain))

    def _read(self, domain: str) -> Domain:
        parts = [self.reader(path, **options) for path, options in self._parts(domain)]
        inputs, raw = stack([x for x, _ in parts]), np.concatenate([y for _, y in parts])
        if inputs.shape[0] != len(raw):
            raise TlbenchError(f"{self.name}, {domain}: {inputs.shape[0]} examples but {len(raw)} labels.")
        if len(raw) != self.counts[domain]:
            raise TlbenchError(
                f"{self.name}, {domain}: {len(raw)} examples, but conf/dataset/{self.name}.yaml says "
                f"{self.counts[domain]}. Compare the file with its source, or mend `counts`."
            )
        if int(np.prod(inputs.shape[1:])) != int(np.prod(self.input_shape)):
            raise TlbenchError(
                f"{self.name}, {domain}: one example has shape {inputs.shape[1:]}, not {self.input_shape}."
            )
        if len(self.input_shape) > 1:
            inputs = np.asarray(inputs).reshape(-1, *self.input_shape)
        given_test = None
        if len(parts) == 2:
            given_test = np.arange(len(raw)) >= len(parts[0][1])
        return Domain(domain, inputs, self._class_indices(domain, raw), np.arange(len(raw)), given_test)

    def _class_indices(self, domain: str, raw: np.ndarray) -> np.ndarray:
        values = self._label_values
        strange = sorted(set(np.unique(raw).tolist()) - set(values))
        lacking = sorted(set(values) - set(np.unique(raw).tolist()))
        if strange or lacking:
            raise TlbenchError(
                f"{self.name}: the labels of domain '{domain}' differ from those of '{self._first}': "
                f"only here {strange}, lacking here {lacking}. Domains of a data set share one label space."
            )
        return np.searchsorted(values, raw).astype(np.int64)

    @property
    def _first(self) -> str:
        """The first domain that is here: it says which labels there are."""
        return next((domain for domain in self.domains if self.is_here(domain)), self.domains[0])

    @property
    def _label_values(self) -> list[float]:
        """Labels as the files write them, ascending; taken from the first domain, checked against all others."""
        found = [self.reader(path, **options)[1] for path, options in self._parts(self._first)]
        values = np.unique(np.concatenate(found)).tolist()
        if len(values) != len(self.classes):
            raise TlbenchError(
                f"{self.name}, {self._first}: {len(values)} different labels, but conf/dataset/{self.name}.yaml "
                f"names {len(self.classes)} classes."
            )
        return values

    def fingerprint(self, domains: Sequence[str]) -> str:
        whole = hashlib.sha256()
        for domain in sorted(domains):
            for path, options in self._parts(domain):
                stat = path.stat()
                names = (options["inputs"], options["labels"]) if path.suffix == ".npz" and "inputs" in options else ()
                whole.update(f"{domain} {_file_hash(path, stat.st_size, stat.st_mtime_ns, names)}".encode())
        return whole.hexdigest()[:16]


@lru_cache(maxsize=1024)
def _file_hash(path: Path, _size: int, _changed: int, names: tuple[str, ...]) -> str:
    """Hash a file, or of an .npz file the named arrays alone: others may come to it."""
    if names:
        with np.load(path, allow_pickle=False) as arrays:
            if all(name in arrays for name in names):
                parts = [np.ascontiguousarray(arrays[name]) for name in names]
                whole = hashlib.sha256(f"{[(part.dtype.str, part.shape) for part in parts]}".encode())
                for part in parts:
                    whole.update(part.data.cast("B"))
                return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
