"""From batches to records: hand them to an executor, watch, hand again what was lost, and stop when told to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tlbench.aside import unique
from tlbench.sweeping.executors.interface import CANCELLED, Batch, Executor, Loss, State

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.packing import Place
    from tlbench.sweeping.plan import Job


TRIES = 2
"""Times that a run is begun whose process dies: memory may have gone to another, and nodes fail."""
POLL_SECONDS = 60.0
SILENT_SECONDS = 300.0
"""After which a person is told that the engine does not answer."""
Pack = Callable[[Sequence["Job"], "Place"], list[Batch]]


class Completion:
    """Sees to it that each run leaves a fresh record, or is lost.

    Args:
        jobs: what is to be done, references first.
        pack: makes batches of them; gets the batches that some references are in already.
        tell: says a line to the person who waits.
    """

    def __init__(
        self, jobs: Sequence[Job], executor: Executor, store: RunStore, pack: Pack, tell: Callable[[str], None]
    ) -> None:
        self.jobs, self.executor, self.store, self.pack, self.tell = jobs, executor, store, pack, tell
        self.lost: list[tuple[Job, Loss]] = []
        self._before = {job.key: store.stamp(job.key) for job in jobs}
        self._open: dict[str, Batch] = {}
        self._strikes = Counter[str]()
        self._answered = time.monotonic()

    def run(self) -> None:
        """Do all of it. At Ctrl-C nothing new is begun, and what is under way here is finished; at a second one it is ended.

        Raises:
            TlbenchError: the executor refuses a batch; no run is recorded for that.
            KeyboardInterrupt: a person has stopped it.
        """
        try:
            self._submit_all()
            while self._open:
                self._look()
        except KeyboardInterrupt:
            self._stop()
            raise
        except BaseException:
            self.executor.cancel()
            raise

    def _submit_all(self) -> None:
        for batch in (adopted := self.executor.adopt(self.jobs)):
            self._open[batch.name] = batch
        place = {key: batch.name for batch in adopted for key in batch.keys}
        if place:
            self.tell(f"{len(place)} runs are with it already, from an earlier command: they are waited for.")
        self._submit(self.pack([job for job in self.jobs if job.key not in place], place))
        if line := self.executor.announce():
            self.tell(line)

    def _submit(self, batches: Sequence[Batch]) -> None:
        if batches:
            self.executor.submit(batches)
            self._open |= {batch.name: batch for batch in batches}

    def _look(self) -> None:
        self.executor.wait(POLL_SECONDS)
        states = self.executor.states()
        if any(state != State.UNKNOWN for state in states.values()) or not states:
            self._answered = time.monotonic()
        elif time.monotonic() - self._answered > SILENT_SECONDS:
            self._answered = time.monotonic()
            self.tell("The queue gives no answer. Nothing is submitted again meanwhile.")
        ended = [self._open.pop(name) for name, state in states.items() if state == State.ENDED and name in self._open]
        self._again(ended)

    def _again(self, ended: Sequence[Batch]) -> None:
        """Submit again what ended without a record. The run that was under way, the first without one, has had a try."""
        # why is asked at once: an engine may soon have forgotten
        undone = [(batch, self.executor.loss(batch.name)) for batch in ended if self._left(batch)]
        if undone and self.executor.settles:
            time.sleep(self.executor.settles)
        again = []
        for batch, loss in undone:
            left = self._left(batch)
            if loss.kind == CANCELLED:
                self.lost += [(job, loss) for job in left]
                continue
            for n, job in enumerate(left):
                self._strikes[job.key] += n < self.executor.side_by_side
                if self._strikes[job.key] >= TRIES or len(batch.jobs) == len(self.jobs) == 1:
                    self.lost.append((job, loss))
                else:
                    again.append(Batch(unique("again"), (job,)))
        self._submit(again)

    def _left(self, batch: Batch) -> list[Job]:
        return [job for job in batch.jobs if self.store.stamp(job.key, fresh=True) == self._before[job.key]]

    def _stop(self) -> None:
        under_way = self.executor.stop()
        if not under_way:
            return
        try:
            self.tell(f"Stopping: {under_way} runs that are under way are finished first. Ctrl-C again ends them now.")
            while any(state in (State.RUNNING, State.QUEUED) for state in self.executor.states().values()):
                self.executor.wait(POLL_SECONDS)
        except KeyboardInterrupt:
            self.executor.cancel()
