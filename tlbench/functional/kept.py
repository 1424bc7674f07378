"""Results that are worked out once for the same array: a target's factorisation serves all draws of a source."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from hashlib import sha256

import numpy as np
from cachetools import LRUCache

from tlbench.caching import once

KEPT = 4
"""Results kept of a function; a process goes through a sweep pair by pair, so few are needed at a time."""
Arrays = tuple[np.ndarray, ...]


def keep_results(function: Callable[[np.ndarray], Arrays]) -> Callable[[np.ndarray], Arrays]:
    """Keep the last results of a function of one array, by the array's content; they come back read-only."""
    results: LRUCache = LRUCache(KEPT)

    def read_only(x: np.ndarray) -> Arrays:
        found = function(x)
        for array in found:
            array.flags.writeable = False
        return found

    @wraps(function)
    def remembered(x: np.ndarray) -> Arrays:
        key = x.dtype.str, x.shape, sha256(np.ascontiguousarray(x).data.cast("B")).digest()
        return once(results, key, lambda: read_only(x))

    return remembered
