"""One run after the other in this process: `hydra/launcher=basic`, and `tlbench run`."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.sweeping.executors.interface import Batch, Executor, Loss, State, Work
from tlbench.sweeping.executors.ready import Ready


class InProcess(Executor):
    """Does a batch whenever it is waited for.

    Args:
        work: does the runs.
        group: name of the sweep, for loggers.
    """

    def __init__(self, work: Work, group: str) -> None:
        self.work, self.group, self._ready, self._losses = work, group, Ready(), dict[str, str]()
        self._states: dict[str, State] = {}

    def submit(self, batches: Sequence[Batch]) -> None:
        self._ready.add(batches)
        self._states |= dict.fromkeys((batch.name for batch in batches), State.QUEUED)

    def states(self) -> dict[str, State]:
        told = dict(self._states)
        self._states = {name: state for name, state in told.items() if state != State.ENDED}
        return told

    def wait(self, seconds: float) -> None:
        if (batch := self._ready.take()) is None:
            return
        try:
            self.work(batch.text(self.group))
        except Exception as error:  # whatever it is: it becomes the reason of the runs that it cost
            self._losses[batch.name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        self._ready.ended(batch.name)
        self._states[batch.name] = State.ENDED

    def loss(self, name: str) -> Loss:
        return Loss("exception", self._losses.get(name, "It left no record."))

    def cancel(self) -> None:
        for name in self._ready.clear():
            self._states[name] = State.ENDED
