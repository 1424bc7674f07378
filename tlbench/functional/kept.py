"""Results that are worked out once for the same array: a target's factorisation serves all draws of a source."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from hashlib import sha256

import numpy as np

KEPT = 4
"""Results kept of a function; a process goes through a sweep pair by pair, so few are needed at a time."""
Arrays = tuple[np.ndarray, ...]


def kept(function: Callable[[np.ndarray], Arrays]) -> Callable[[np.ndarray], Arrays]:
    """Keeps the last results of a function of one array, by the array's content; they come back read-only."""
    results: OrderedDict[tuple[str, tuple[int, ...], bytes], Arrays] = OrderedDict()

    @wraps(function)
    def once(x: np.ndarray) -> Arrays:
        key = x.dtype.str, x.shape, sha256(np.ascontiguousarray(x).data.cast("B")).digest()
        if key not in results:
            results[key] = function(x)
            for array in results[key]:
                array.flags.writeable = False
            if len(results) > KEPT:
                results.popitem(last=False)
        results.move_to_end(key)
        return results[key]

    return once
