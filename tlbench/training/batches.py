"""Paired batches from memory: labelled examples and unlabelled target examples, for a number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from tlbench.data.domain import Inputs, dense_float32
from tlbench.seeds import stream
from tlbench.task import Labelled

Batch = tuple[list[tuple[Tensor, Tensor]], Tensor | None]


def share_out(total: int, sizes: Sequence[int]) -> list[int]:
    """`total` places shared in proportion to `sizes`, at least one each; the largest set takes the rounding."""
    shares = [max(1, round(total * size / sum(sizes))) for size in sizes]
    largest = int(np.argmax(sizes))
    shares[largest] += total - sum(shares)
    return shares


def endless(n: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Index batches of one size: permutations of 0..n-1 laid end to end."""
    queue = np.empty(0, dtype=np.int64)
    while True:
        while len(queue) < batch:
            queue = np.concatenate([queue, rng.permutation(n)])
        yield queue[:batch]
        queue = queue[batch:]


class PairedBatches:
    """Iterates over `steps` batches; the same seed gives the same batches, each set from a stream of its own.

    Args:
        labelled: sets that share `batch_size` places in proportion to their sizes, source first.
        target: unlabelled target inputs, `batch_size` a step, or None.
        part: (rank, world), asked when iterating; this process takes every `world`-th example of each batch, from
            `rank` on.
    """

    def __init__(
        self,
        labelled: Sequence[Labelled],
        target: Inputs | None,
        *,
        batch_size: int,
        steps: int,
        seed: int,
        part: Callable[[], tuple[int, int]] = lambda: (0, 1),
    ) -> None:
        self.labelled = [(torch.from_numpy(dense_float32(s.inputs)), torch.from_numpy(s.labels)) for s in labelled]
        self.target = None if target is None else torch.from_numpy(dense_float32(target))
        self.batch_size, self.steps, self.seed, self.part = batch_size, steps, seed, part

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        rank, world = self.part()
        mine = slice(rank, None, world)
        sizes = [len(y) for _, y in self.labelled]
        shares = share_out(self.batch_size, sizes)
        orders = [
            endless(size, share, stream(self.seed, "batches", str(i)))
            for i, (size, share) in enumerate(zip(sizes, shares, strict=True))
        ]
        target_order = None
        if self.target is not None:
            target_order = endless(len(self.target), self.batch_size, stream(self.seed, "batches", "target"))
        for _ in range(self.steps):
            picks = [torch.from_numpy(next(order)[mine]) for order in orders]
            parts = [(x[pick], y[pick]) for (x, y), pick in zip(self.labelled, picks, strict=True)]
            if self.target is None or target_order is None:
                yield parts, None
            else:
                yield parts, self.target[torch.from_numpy(next(target_order)[mine])]
