"""Results that are worked out once for the same array: a target's factorisation serves all draws of a source."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np
from cachetools import LRUCache

from tlbench.caching import content_key, once

KEPT = 4
"""Results kept of a function; a process goes through a sweep pair by pair, so few are needed at a time."""
Arrays = tuple[np.ndarray, ...]


def keep_results(function: Callable[..., Arrays], kept: int = KEPT) -> Callable[..., Arrays]:
    """Keep the last results of a function of arrays, by the arrays' content; they come back read-only."""
    results: LRUCache = LRUCache(kept)

    def read_only(*arrays: np.ndarray) -> Arrays:
        found = function(*arrays)
        for array in found:
            array.flags.writeable = False
        return found

    @wraps(function)
    def remembered(*arrays: np.ndarray) -> Arrays:
        return once(results, content_key(*arrays), lambda: read_only(*arrays))

    return remembered
