"""What a job of SLURM does: the runs of its batch, one after the other or some side by side."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlbench.sweeping.executors.import_path import absolute_path, import_from
from tlbench.sweeping.executors.interface import State, Work, Written
from tlbench.sweeping.executors.local_workers import LocalWorkers

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission


class BatchJob:
    """Called by submitit on a node. A job whose time is up is requeued and goes on: what is done is done, and what was under
    way has kept its state.

    Args:
        work: does the runs of a text.
        parts: what is to be done, one after the other, or side by side in this many processes on the job's cores and its GPU.
    """

    def __init__(self, work: Work, parts: Sequence[Written], processes: int) -> None:
        self.work, self.parts, self.processes = work, parts, processes
        self.path = absolute_path()

    def __call__(self) -> str:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # submitit ignores it; a run may be ended at any moment
        import_from(self.path)
        if self.processes == 1:
            for part in self.parts:
                self.work(part.runs)
        else:
            self._side_by_side()
        return "done"

    def _side_by_side(self) -> None:
        workers, left = LocalWorkers(self.processes, self.work, ""), {part.name for part in self.parts}
        try:
            workers.submit(self.parts)
            while left:
                workers.wait(60.0)
                left -= {name for name, state in workers.states().items() if state == State.ENDED}
        finally:
            workers.close()

    def checkpoint(self, *arguments: Any) -> DelayedSubmission:
        """Return what a requeued job does: the same, as finished runs are not done again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
