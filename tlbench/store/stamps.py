"""When each run of a store was last written: what tells a look for changes which records to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

RECORD, SUFFIX = "record.json", ".zip"
"""Of a run that is a folder, and of one that is a file: both hold its record."""
SHARD = 2
"""Letters of the key that name a folder of runs."""
Stamp = tuple[int, int]
"""Time (ns) and size of what holds a run's record."""
HEX = frozenset("0123456789abcdef")


def object_of(key: str) -> str:
    """Return the name, below its store, of the one file that a run is or would be."""
    return f"{key[:SHARD]}/{key}{SUFFIX}"


def places(root: str | Path, key: str) -> tuple[str, str, str]:
    """Return where a run may lie: a file, a folder, a folder of older versions. The first that is there counts."""
    shard = f"{root}/{key[:SHARD]}/{key}"
    return f"{shard}{SUFFIX}", shard, f"{root}/{key}"


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a run that lies there, as one file or as a folder; None where there is none."""
    try:
        at = os.stat(path if path.suffix == SUFFIX else f"{path}/{RECORD}")
    except OSError:
        return None
    return at.st_mtime_ns, at.st_size


def run_stamps(root: Path) -> dict[str, Stamp]:
    """Return the stamp of each run in a store by its key; one look at each folder of runs, and one at each run."""
    folders: dict[str, Stamp] = {}
    files: dict[str, Stamp] = {}
    for entry in _entries(str(root)):
        _add(entry, folders)
        if len(entry.name) == 2:
            for inner in _entries(entry.path):
                if inner.name.startswith(entry.name):
                    _add(inner, files if inner.name.endswith(SUFFIX) else folders)
    return dict(sorted({**folders, **files}.items()))


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from (entry for entry in found if entry.name[0] in HEX)
    except OSError:  # gone since, or no folder
        return


def _add(entry: os.DirEntry[str], to: dict[str, Stamp]) -> None:
    packed = entry.name.endswith(SUFFIX)
    try:
        at = entry.stat() if packed else os.stat(f"{entry.path}/{RECORD}")
    except OSError:
        return
    to[entry.name.removesuffix(SUFFIX)] = (at.st_mtime_ns, at.st_size)
