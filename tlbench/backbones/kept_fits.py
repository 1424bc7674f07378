"""Fits in files: the workers of a sweep, and the rows of a table, share what takes a minute to make and a second to read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tlbench.caching import built
from tlbench.paths import cache_dir

MOST = 8
"""Fits kept of a kind, the last used: all of four domains' pairs, and no cache that grows with every seed."""


def kept_fit(kind: str, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the array of this key, made now by one process where there is none.

    Args:
        kind: folder in the cache.
        key: a hash of all that the array depends on.
    """
    folder = cache_dir() / kind
    done = built(folder / f"{key}.npy", lambda part: _save(make(), part), "The cache of fits")
    try:
        os.utime(done)
        found = np.load(done)
    except FileNotFoundError:  # another process dropped it just now
        return make()
    _drop_the_oldest(folder)
    return found


def _save(array: np.ndarray, part: Path) -> None:
    with part.open("wb") as file:
        np.save(file, array)


def _drop_the_oldest(folder: Path) -> None:
    fits = sorted(folder.glob("*.npy"), key=_last_used)
    for old in fits[:-MOST]:
        old.unlink(missing_ok=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process dropped it
        return 0.0
