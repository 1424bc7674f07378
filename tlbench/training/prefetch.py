"""Batches made ready while the device works: pixels gathered into pinned memory by a thread of their own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from tlbench.data.images.threads import in_order
from tlbench.data.inputs import gathered
from tlbench.training.batches import Batch, PairedBatches

DEPTH = 3
"""Batches that wait for the device at most."""


class Ahead:
    """The same batches in the same order, lazy examples gathered for a device that is no processor.

    Args:
        batches: what is iterated over.
        pinned: into page-locked memory, from which a GPU copies while it computes.
    """

    def __init__(self, batches: PairedBatches, *, pinned: bool) -> None:
        self.batches, self.pinned = batches, pinned

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self.batches)
        with ThreadPoolExecutor(1, "batches-ahead") as pool:
            for batch in in_order(pool, lambda _: self._gathered(next(batches, None)), count(), DEPTH):
                if batch is None:
                    return
                yield batch

    def _gathered(self, batch: Batch | None) -> Batch | None:
        if batch is None:
            return None
        labelled, target = batch
        blocks = [(gathered(x, pinned=self.pinned), y) for x, y in labelled]
        return blocks, None if target is None else target.each(lambda x: gathered(x, pinned=self.pinned))
