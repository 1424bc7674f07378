"""Which batches may begin: those whose needs have ended, in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tlbench.sweeping.executors.interface import Batch, Written

One = Batch | Written


class Ready:
    """Batches that wait; each costs no more than its own needs, however many wait."""

    def __init__(self) -> None:
        self._first: deque[One] = deque()
        self._open: dict[str, int] = {}
        self._waiting: dict[str, list[One]] = {}
        self._ended: set[str] = set()

    def __len__(self) -> int:
        return len(self._first) + len(self._open)

    def add(self, batches: Sequence[One]) -> None:
        for batch in batches:
            needs = batch.needs - self._ended
            if not needs:
                self._first.append(batch)
                continue
            self._open[batch.name] = len(needs)
            for need in needs:
                self._waiting.setdefault(need, []).append(batch)

    def ended(self, name: str) -> None:
        """Note that a batch has ended, however it did."""
        self._ended.add(name)
        for batch in self._waiting.pop(name, ()):
            self._open[batch.name] -= 1
            if not self._open[batch.name]:
                del self._open[batch.name]
                self._first.append(batch)

    def take(self) -> One | None:
        """Return the next batch that may begin, and forget it; None where there is none now."""
        return self._first.popleft() if self._first else None

    def clear(self) -> list[str]:
        """Forget all that wait; return their names."""
        names = [*(batch.name for batch in self._first), *self._open]
        self._first.clear()
        self._open.clear()
        self._waiting.clear()
        return names
