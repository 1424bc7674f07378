"""What does the runs of a sweep: an executor of tlbench's, or a launcher of Hydra's, as the config names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from tlbench.sweeping.complete import Completion, Pack
from tlbench.sweeping.executors.chosen import batch_seconds, chosen_options, executor_of, processes
from tlbench.sweeping.executors.interface import CANCELLED, Executor, Loss, Work
from tlbench.sweeping.launch import launch_by_hydra
from tlbench.sweeping.packing import in_programs, packed

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.plan import Job


class Launching:
    """Does runs until each has a record or is lost.

    Args:
        work: does the runs of a text, in whatever process.
        record_lost: records a run as failed whose process died.
        config, context, task: what Hydra gives a sweeper.
        runs_per_job: see `TlbenchSweeper`.
    """

    def __init__(
        self,
        work: Work,
        record_lost: Callable[[Job, Loss], None],
        config: DictConfig,
        context: HydraContext,
        task: TaskFunction,
        runs_per_job: int | None,
    ) -> None:
        self.work, self.record_lost, self.runs_per_job = work, record_lost, runs_per_job
        self._hydra, self._options = (config, context, task), chosen_options(config)
        self._executor: Executor | None = None

    @property
    def processes(self) -> int:
        """Runs that are side by side on this machine; 1 where that is for others to say."""
        return processes(self._options)

    def do(
        self,
        todo: Sequence[Job],
        name: str,
        store: RunStore,
        expected: Callable[[str], float],
        tell: Callable[[str], None],
    ) -> dict[str, Loss]:
        """Do runs; return why some have left no record of their own. Those are recorded, but for those that a person cancelled.

        Args:
            name: of the sweep.
            expected: seconds of a run, by its key.
            tell: says a line to the person who waits.
        """
        if self._options is None:
            lost = [
                (job, Loss("killed", why))
                for job, why in launch_by_hydra(todo, name, store, *self._hydra, self.runs_per_job or 1)
            ]
            self._record(lost)
            return {job.key: loss for job, loss in lost}
        self._executor = self._executor or executor_of(self._options, self.work, store.root, name)
        work = Completion(todo, self._executor, store, self._pack(expected), tell)
        try:
            work.run()
        finally:
            self._record(work.lost)
        return {job.key: loss for job, loss in work.lost}

    def _pack(self, expected: Callable[[str], float]) -> Pack:
        most = None if self._options is None else batch_seconds(self._options)
        if most is None:
            return partial(in_programs, processes=self.processes)
        return lambda jobs, placed: packed(jobs, lambda job: expected(job.key), most, placed, self.runs_per_job)

    def _record(self, lost: Sequence[tuple[Job, Loss]]) -> None:
        for job, loss in lost:
            if loss.kind != CANCELLED:
                self.record_lost(job, loss)

    def close(self) -> None:
        """Give back what the executor holds."""
        if self._executor is not None:
            self._executor.close()
            self._executor = None
