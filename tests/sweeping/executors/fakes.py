"""Jobs without a config, and an executor that does what a test tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from tlbench.store.runs import RunStore
from tlbench.sweeping.executors.interface import Batch, Executor, Loss, State
from tlbench.sweeping.executors.ready import Ready


def job(key: str, *needs: str, start: str | None = None) -> Any:
    references = {f"reference {i}": SimpleNamespace(key=need) for i, need in enumerate(needs)}
    model = None if start is None else SimpleNamespace(key=start)
    return SimpleNamespace(key=key, setup=SimpleNamespace(key=key, references=references, source_model=model))


def write(store: RunStore, key: str) -> None:
    with store.lock(key):
        store.write({"run_key": key, "status": "done"}, {})


class Scripted(Executor):
    """Ends a batch at each look; what a run does is for `does` to say: it writes a record or returns why its process died."""

    def __init__(
        self, store: RunStore, does: Callable[[str], Loss | None] | None = None, side_by_side: int = 1
    ) -> None:
        self.store, self.does, self.side_by_side = store, does or (lambda key: None), side_by_side
        self.ready, self.taken, self.begun = Ready(), dict[str, State](), Counter[str]()
        self.order: list[str] = []
        self.cancelled = self.stopped = 0
        self.losses: dict[str, Loss] = {}
        self.adopted: list[Batch] = []

    def adopt(self, jobs: Sequence[Any]) -> list[Batch]:
        self.ready.add(self.adopted)
        self.taken |= dict.fromkeys((batch.name for batch in self.adopted), State.RUNNING)
        return self.adopted

    def submit(self, batches: Sequence[Batch]) -> None:
        self.ready.add(batches)
        self.taken |= dict.fromkeys((batch.name for batch in batches), State.QUEUED)

    def states(self) -> dict[str, State]:
        told, self.taken = self.taken, {name: s for name, s in self.taken.items() if s != State.ENDED}
        return told

    def wait(self, seconds: float) -> None:
        if (batch := self.ready.take()) is None:
            return
        for key in batch.keys:
            self.begun[key] += 1
            self.order.append(key)
            if (loss := self.does(key)) is not None:
                self.losses[batch.name] = loss
                break
            write(self.store, key)
        self.taken[batch.name] = State.ENDED
        self.ready.ended(batch.name)

    def loss(self, name: str) -> Loss:
        return self.losses.get(name, Loss("killed", "It left no record."))

    def stop(self) -> int:
        self.stopped += 1
        return len(self.ready.clear())

    def cancel(self) -> None:
        self.cancelled += 1
        self.ready.clear()
        self.taken.clear()
