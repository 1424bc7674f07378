"""What is worked out once: in memory, the last used few; on disk, by one process for all."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
from cachetools import LRUCache
from filelock import FileLock

from tlbench.errors import TlbenchError

Value = TypeVar("Value")


def once(cache: LRUCache, key: Hashable, make: Callable[[], Value]) -> Value:
    """Return the value of a key, made now where it is not kept. The least used one goes before, so that both are never held."""
    if key in cache:
        return cache[key]
    while len(cache) >= cache.maxsize:
        cache.popitem()
    cache[key] = make()
    return cache[key]


def content_key(*arrays: np.ndarray) -> Hashable:
    """Return a key of what arrays hold: kind of numbers, shape and content of each, in their order."""
    return tuple((x.dtype.str, x.shape, sha256(np.ascontiguousarray(x).data.cast("B")).digest()) for x in arrays)


def built(done: Path, build: Callable[[Path], None], what: str) -> Path:
    """Return a file or folder below `tlbench.paths.cache_dir`, built now where it is not there; other processes wait for it.

    Args:
        build: makes it at the path that it is given. What a process that died has left there is there still: it may go on.
        what: is built, in words for a message.

    Raises:
        TlbenchError: the folder cannot be written: the disk is full, say.
    """
    if done.exists():
        return done
    try:
        done.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(done.with_suffix(".lock")):
            if not done.exists():
                part = done.with_suffix(".part")
                build(part)
                os.rename(part, done)
    except OSError as error:
        raise TlbenchError(
            f"{what} in '{done.parent}' cannot be written ({error.strerror}). Set $TLBENCH_CACHE to a folder with room."
        ) from error
    return done
