"""SLURM through submitit: arrays of jobs, each with many runs; `hydra/launcher=slurm`.

submitit (MIT, kept by Meta) writes the scripts, submits them, and requeues a job that is ended early. What it does not do is
done here: what is in the queue is not submitted again, states come without accounts, arrays stay below MaxArraySize.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.errors import TlbenchError
from tlbench.sweeping.executors.interface import Batch, Executor, Loss, State, Work, Written
from tlbench.sweeping.executors.slurm_job import BatchJob
from tlbench.sweeping.executors.slurm_queue import end_jobs, how_it_ended, max_array, queued
from tlbench.sweeping.executors.submissions import (
    FOLDER,
    PREFIX,
    Submission,
    forget,
    forget_old,
    note_taken,
    noted,
    submissions,
)
from tlbench.sweeping.packing import one_by_one

if TYPE_CHECKING:
    from tlbench.sweeping.executors.options import SlurmOptions
    from tlbench.sweeping.plan import Job


class Slurm(Executor):
    """Batches as tasks of arrays of jobs.

    Args:
        options: see `SlurmOptions`.
        work: does the runs of a batch.
        root: folder of the store, which all nodes see; the jobs' scripts and logs lie in it.
        sweep: name of the sweep.
    """

    settles = 5.0

    def __init__(self, options: SlurmOptions, work: Work, root: Path, sweep: str) -> None:
        try:
            import submitit
        except ImportError as error:
            raise TlbenchError("hydra/launcher=slurm needs submitit: pip install 'tlbench[slurm]'.") from error
        self._submitit, self.options, self.work, self.root, self.sweep = submitit, options, work, root.resolve(), sweep
        self.side_by_side = options.processes
        self._jobs: dict[str, str] = {}  # batch to the name of its job in the queue, as `Submission.job` has it
        self._numbers: dict[str, str] = {}  # batch to SLURM's number of its job, also when that has ended
        self._submissions: dict[str, Submission] = {}
        self._asked_at = 0.0

    def submit(self, batches: Sequence[Batch]) -> None:
        made = []
        try:
            for together in self._arrays(batches):
                made.append(noted(self.root, self.sweep, together))
                self._submit_array(together, made[-1])
        except BaseException:
            end_jobs([], [submission.name for submission in made])
            for submission in made:
                forget(submission)
            raise

    def _arrays(self, batches: Sequence[Batch]) -> Iterator[list[Batch]]:
        """Yield what goes together: the same needs, whose numbers are known by then, and no more than an array may have."""
        most = self.options.max_array or max_array() - 1
        depth: dict[str, int] = {}
        for batch in batches:  # what a batch needs stands before it
            depth[batch.name] = 1 + max((depth[need] for need in batch.needs if need in depth), default=0)
        ordered = sorted(batches, key=lambda b: (depth[b.name], sorted(b.needs)))
        for _, some in groupby(ordered, key=lambda b: b.needs):
            alike = list(some)
            yield from (alike[i : i + most] for i in range(0, len(alike), most))

    def _submit_array(self, batches: Sequence[Batch], submission: Submission) -> None:
        after = sorted({self._numbers[need] for need in batches[0].needs if need in self._jobs})
        try:
            executor = self._submitit.SlurmExecutor(submission.folder, max_num_timeout=self.options.requeues)
            executor.update_parameters(**self.options.of_submitit(submission.name, after))
            jobs = executor.submit_array([BatchJob(self.work, self._parts(b), self.options.processes) for b in batches])
        except (RuntimeError, ValueError, self._submitit.core.utils.FailedJobError) as error:
            raise TlbenchError(f"SLURM takes no such job: {_words_of(error)} Set by hydra.launcher.*.") from error
        note_taken(submission)
        self._submissions[submission.name] = submission
        for index, (batch, job) in enumerate(zip(batches, jobs, strict=True)):
            self._jobs[batch.name], self._numbers[batch.name] = submission.job(index), job.job_id

    def _parts(self, batch: Batch) -> list[Written]:
        parts = [batch] if self.options.processes == 1 else one_by_one(batch.jobs)
        return [
            Written(part.name, part.text(self.sweep), part.needs & {other.name for other in parts}) for part in parts
        ]

    def adopt(self, jobs: Sequence[Job]) -> list[Batch]:
        known, found = {job.key: job for job in jobs}, []
        there = queued(PREFIX)
        for submission in submissions(self.root):
            if there is None:
                raise TlbenchError(
                    f"`squeue` gives no answer, and {submission.folder.with_suffix('.json')} tells of runs that may be with it. "
                    "Try again when it answers; if that cluster is gone, delete the file."
                )
            left = [index for index in range(len(submission.batches)) if submission.job(index) in there]
            if not left:
                forget_old(submission)
                continue
            for index in left:
                name, mine = submission.job(index), [known[key] for key in submission.batches[index] if key in known]
                if mine:
                    found.append(Batch(name, tuple(mine)))
                    self._jobs[name], self._numbers[name] = name, there[name][0]
                    self._submissions[submission.name] = submission
        return found

    def states(self) -> dict[str, State]:
        self._asked_at = time.monotonic()
        if (there := queued(PREFIX)) is None:
            return dict.fromkeys(self._jobs, State.UNKNOWN)
        states = {batch: there[job][1] if job in there else State.ENDED for batch, job in self._jobs.items()}
        self._jobs = {batch: job for batch, job in self._jobs.items() if states[batch] != State.ENDED}
        return states

    def wait(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._asked_at + self.options.poll - time.monotonic())))

    def loss(self, name: str) -> Loss:
        number = self._numbers[name]
        logs = self.root.glob(f"{FOLDER}/*/{number}_0_log.err")
        return how_it_ended(number, next(logs, None))

    def cancel(self) -> None:
        end_jobs([self._numbers[batch] for batch in self._jobs], [])
        self._jobs.clear()
        self.close()

    def close(self) -> None:
        left = {job.partition("/")[0] for job in self._jobs.values()}
        for submission in [found for name, found in self._submissions.items() if name not in left]:
            forget(submission)

    def announce(self) -> str:
        arrays = len({job.partition("/")[0] for job in self._jobs.values()})
        return f"{len(self._jobs)} jobs in {arrays} arrays are with SLURM (`squeue --me`); their logs are in {self.root}/.jobs."


def _words_of(error: Exception) -> str:
    return " ".join(str(error).split())[-400:]
