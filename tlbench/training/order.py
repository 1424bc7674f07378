"""The order in which examples come: pure functions of a seed, so that a run can go on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def endless(n: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield index batches of one size: permutations of 0..n-1 laid end to end."""
    queue = np.empty(0, dtype=np.int64)
    while True:
        while len(queue) < batch:
            queue = np.concatenate([queue, rng.permutation(n)])
        yield queue[:batch]
        queue = queue[batch:]


def balanced(labels_N: np.ndarray, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield index batches in which classes come equally often: permutations of the classes laid end to end give the class of
    each place, permutations of a class's examples laid end to end the example."""
    rows = [np.flatnonzero(labels_N == label) for label in np.unique(labels_N)]
    examples = [endless(len(own), 1, child) for own, child in zip(rows, rng.spawn(len(rows)), strict=True)]
    for classes in endless(len(rows), batch, rng):
        yield np.array([rows[c][next(examples[c])[0]] for c in classes], dtype=np.int64)
