"""Batches made ready while the device works: pixels gathered into pinned memory by a thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from tlbench.data.images.rows import ImageBatch
from tlbench.training.batches import Batch, PairedBatches

DEPTH = 3
"""Batches that wait for the device at most."""


class Ahead:
    """The same batches in the same order, image pixels gathered for a device that is no processor.

    Args:
        batches: what is iterated over.
        pinned: into page-locked memory, from which a GPU copies while it computes.
    """

    def __init__(self, batches: PairedBatches, *, pinned: bool) -> None:
        self.batches, self.pinned = batches, pinned

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue[Any] = queue.Queue(maxsize=DEPTH)
        stopped = threading.Event()

        def put(item: Any) -> bool:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    return True
                except queue.Full:
                    continue
            return False

        def work() -> None:
            try:
                for batch in self.batches:
                    if not put(self._gathered(batch)):
                        return
                put(None)
            except BaseException as error:  # raised again where the batch is waited for
                put(error)

        thread = threading.Thread(target=work, daemon=True, name="batches-ahead")
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            thread.join()

    def _gathered(self, batch: Batch) -> Batch:
        labelled, target = batch

        def one(x: Any) -> Any:
            return x.gathered(pinned=self.pinned) if isinstance(x, ImageBatch) else x

        return [(one(x), y) for x, y in labelled], one(target)
