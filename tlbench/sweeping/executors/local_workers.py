"""Worker processes of this machine, warm from run to run: `hydra/launcher=local`, what a sweep uses unless told otherwise."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tlbench.sweeping.executors import local_worker
from tlbench.sweeping.executors.interface import Executor, Loss, State, Work
from tlbench.sweeping.executors.ready import One, Ready

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(eq=False)
class Worker:
    """One process; `batch` is what it does now, `heard` the beginning of a line that it has not ended yet."""

    process: subprocess.Popen[bytes]
    batch: str | None = None
    heard: bytes = b""

    def give(self, batch: One, group: str) -> None:
        self.batch = batch.name
        with suppress(BrokenPipeError):  # it died while it had nothing to do; the end of its answers tells
            self.process.stdin.write(json.dumps({"name": batch.name, "runs": batch.text(group)}).encode() + b"\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]

    def answers(self) -> list[dict[str, Any]] | None:
        """Return what it has said since; None where it is gone. Waits for nothing once there is something to read."""
        said = os.read(self.process.stdout.fileno(), 1 << 16)  # type: ignore[union-attr]
        *lines, self.heard = (self.heard + said).split(b"\n")
        return [json.loads(line) for line in lines] if said else None


class LocalWorkers(Executor):
    """Up to `n` processes; one that dies costs the run that it was at, and is replaced.

    Args:
        n: processes side by side.
        work: does the runs.
        group: name of the sweep, for loggers.
    """

    def __init__(self, n: int, work: Work, group: str) -> None:
        self.n, self.work, self.group = n, work, group
        self._ready, self._selector, self._workers = Ready(), selectors.DefaultSelector(), list[Worker]()
        self._states: dict[str, State] = {}
        self._losses: dict[str, Loss] = {}

    def submit(self, batches: Sequence[One]) -> None:
        self._ready.add(batches)
        self._states |= dict.fromkeys((batch.name for batch in batches), State.QUEUED)
        self._fill()

    def states(self) -> dict[str, State]:
        told = dict(self._states)
        self._states = {name: state for name, state in told.items() if state != State.ENDED}
        return told

    def wait(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            worker: Worker = key.data
            if (answers := worker.answers()) is None:
                self._died(worker)
            for answer in answers or ():
                self._ended(worker, answer["ended"], answer["error"])
        self._fill()

    def loss(self, name: str) -> Loss:
        return self._losses.pop(name, Loss("exception", "It left no record."))

    def stop(self) -> int:
        for name in self._ready.clear():
            self._states[name] = State.ENDED
        return sum(worker.batch is not None for worker in self._workers)

    def cancel(self) -> None:
        self.stop()
        for worker in self._workers:
            worker.process.kill()
        self.close()

    def close(self) -> None:
        for worker in list(self._workers):
            with suppress(OSError):
                worker.process.stdin.close()  # type: ignore[union-attr]
            if worker.batch is not None:
                worker.process.kill()
            self._forget(worker)

    def _fill(self) -> None:
        """Give work to those that have none, and start more while there is work for them."""
        idle = [worker for worker in self._workers if worker.batch is None]
        while idle or len(self._workers) < self.n:
            if (batch := self._ready.take()) is None:
                return
            worker = idle.pop() if idle else self._started()
            self._states[batch.name] = State.RUNNING
            worker.give(batch, self.group)

    def _started(self) -> Worker:
        names = {"module": local_worker.__name__, "work": self.work.__module__, "function": self.work.__qualname__}
        words = [sys.executable, "-c", local_worker.START.format(**names, parent=os.getpid()), json.dumps(sys.path)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, stdin=pipe, stdout=pipe, env=_environment(self.n))
        worker = Worker(process)
        self._workers.append(worker)
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
        return worker

    def _ended(self, worker: Worker, name: str, error: str | None = None) -> None:
        worker.batch, self._states[name] = None, State.ENDED
        if error is not None:
            self._losses[name] = Loss("exception", error)
        self._ready.ended(name)

    def _died(self, worker: Worker) -> None:
        self._forget(worker)
        if worker.batch is not None:
            self._losses[worker.batch] = Loss("killed", how_it_died(worker.process.returncode))
            self._ended(worker, worker.batch)

    def _forget(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self._selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
        worker.process.wait()
        worker.process.stdout.close()  # type: ignore[union-attr]


def how_it_died(code: int) -> str:
    """Say it in words: a signal by its name, and what SIGKILL mostly means."""
    if code >= 0:
        return f"Its process ended with status {code}."
    more = ": by hand, or because memory ran out" if -code == signal.SIGKILL else ""
    return f"Its process was ended by {signal.Signals(-code).name}{more}."


def _environment(n: int) -> dict[str, Any]:
    """Return a worker's: as many threads as its share of the cores, unless the user has said how many."""
    share = str(max(1, (os.cpu_count() or 1) // n))
    return {**dict.fromkeys(THREADS, share), **os.environ}
