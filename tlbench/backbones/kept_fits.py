"""Fits in files: the workers of a sweep, and the rows of a table, share what takes a minute to make and a second to read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from filelock import FileLock

from tlbench.aside import replacing
from tlbench.errors import TlbenchError
from tlbench.paths import cache_dir

MOST = 8
"""Fits kept of a kind, the last used: all of four domains' pairs, and no cache that grows with every seed."""


def kept_fit(kind: str, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array of this key, made now by one process where there is none.

    Args:
        kind: folder in the cache.
        key: a hash of all that the array depends on.
    """
    folder = cache_dir() / kind
    done = folder / f"{key}.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):
            if not done.is_file():
                with replacing(done) as aside, aside.open("wb") as file:
                    np.save(file, make())
            os.utime(done)
            found = np.load(done)
            _drop_the_oldest(folder)
        return found
    except OSError as error:
        raise TlbenchError(
            f"The cache of fits in '{folder}' cannot be used ({error.strerror}). Set $TLBENCH_CACHE to a folder with room."
        ) from error


def _drop_the_oldest(folder: Path) -> None:
    fits = sorted(folder.glob("*.npy"), key=_last_used)
    for old in fits[:-MOST]:
        old.unlink(missing_ok=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process dropped it
        return 0.0
