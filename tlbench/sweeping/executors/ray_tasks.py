"""Tasks of Ray, on a cluster or on one that is begun here: `hydra/launcher=ray`.

Ray itself (Apache-2.0, kept by Anyscale): Hydra's plug-in for it is bound to old versions of what the rest of tlbench needs.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlbench.errors import TlbenchError
from tlbench.sweeping.executors.handed_data import Handed, data_of, take_handed
from tlbench.sweeping.executors.import_path import absolute_path, import_from
from tlbench.sweeping.executors.interface import Batch, Executor, Loss, State, Work

if TYPE_CHECKING:
    from tlbench.sweeping.executors.options import RayOptions


OURS = "TLBENCH_"
"""How the names of environment variables begin that a task gets from the command's process."""


class RayTasks(Executor):
    """A task a batch; results are written to the shared store by the tasks, and only their names come back.

    Args:
        options: see `RayOptions`.
        work: does the runs of a batch.
        sweep: name of the sweep.
    """

    settles = 2.0

    def __init__(self, options: RayOptions, work: Work, sweep: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise TlbenchError("hydra/launcher=ray needs Ray: pip install 'tlbench[ray]'.") from error
        self._ray, self.options, self.work, self.sweep = ray, options, work, sweep
        self._mine = not ray.is_initialized()
        if self._mine:
            self._connect()
        needs: dict[str, Any] = {"num_cpus": options.cpus, "num_gpus": options.gpus, "memory": self._memory()}
        self._task: Any = ray.remote(_do).options(**needs, max_retries=options.retries)
        self._begun: Any = ray.remote(_Begun).options(num_cpus=0).remote()
        self._tasks: dict[str, Any] = {}
        self._needed: dict[str, Any] = {}
        self._losses: dict[str, Loss] = {}
        self._data: dict[str, Any] = {}

    def _connect(self) -> None:
        local: dict[str, Any] = {"include_dashboard": False} if self.options.address is None else {}
        try:
            # a user may have set RAY_ADDRESS for other work; null means here
            address = self.options.address or "local"
            self._ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (ConnectionError, RuntimeError, ValueError) as error:
            told = " ".join(str(error).split())[:300]
            raise TlbenchError(
                f"No Ray cluster at '{self.options.address}' ({told}). Start one by `ray start --head`, or leave "
                "hydra.launcher.address out."
            ) from error

    def _memory(self) -> int | None:
        return None if self.options.memory_gb is None else int(self.options.memory_gb * 2**30)

    def submit(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            # what a task is given at its top level it waits for
            after = [self._needed[need] for need in batch.needs if need in self._needed]
            given = data_of(batch.jobs, self._put)
            here = Here(os.getcwd(), absolute_path(), {k: v for k, v in os.environ.items() if k.startswith(OURS)})
            task = self._task.remote(batch.name, self.work, batch.text(self.sweep), here, given, self._begun, *after)
            self._tasks[batch.name] = self._needed[batch.name] = task

    def _put(self, name: str, data: Any) -> Any:
        """Lay a domain's arrays into the object store once; tasks read them there without a copy."""
        if name not in self._data:
            self._data[name] = self._ray.put(data)
        return self._data[name]

    def states(self) -> dict[str, State]:
        if not self._tasks:
            return {}
        done, _ = self._ray.wait(list(self._tasks.values()), num_returns=len(self._tasks), timeout=0, fetch_local=False)
        ended, begun = set(done), self._names_begun()
        states = {}
        for name, task in list(self._tasks.items()):
            if task not in ended:
                states[name] = State.RUNNING if name in begun else State.QUEUED
                continue
            states[name] = State.ENDED
            del self._tasks[name]
            self._note_loss(name, task)
        return states

    def _names_begun(self) -> set[str]:
        try:
            return self._ray.get(self._begun.names.remote(), timeout=10)
        except self._ray.exceptions.RayError:  # the actor went with its node: a name is all that is lost
            return set()

    def _note_loss(self, name: str, task: Any) -> None:
        kinds = {"OutOfMemoryError": "memory", "NodeDiedError": "node lost", "WorkerCrashedError": "killed"}
        try:
            self._ray.get(task, timeout=10)
        except self._ray.exceptions.RayError as error:
            kind = kinds.get(type(error).__name__, "exception")
            self._losses[name] = Loss(kind, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")

    def wait(self, seconds: float) -> None:
        if self._tasks:
            self._ray.wait(list(self._tasks.values()), num_returns=1, timeout=seconds, fetch_local=False)
            time.sleep(0.05)  # many end together; one look at all of them costs as much as at one

    def loss(self, name: str) -> Loss:
        return self._losses.pop(name, Loss("killed", "Its task left no record."))

    def cancel(self) -> None:
        for task in self._tasks.values():
            self._ray.cancel(task, force=True)
        self._tasks.clear()

    def announce(self) -> str:
        there = self._ray.cluster_resources()
        nodes, cores = len([n for n in self._ray.nodes() if n["Alive"]]), there.get("CPU", 0)
        return f"{len(self._tasks)} tasks are with Ray: {nodes} nodes, {cores:g} cores, {there.get('GPU', 0):g} GPUs."

    def close(self) -> None:
        if self._mine:
            self._ray.shutdown()


@dataclass(frozen=True)
class Here:
    """What of the command's process a task needs: relative paths, modules and settings of tlbench are those of the command."""

    folder: str
    path: list[str]
    environment: dict[str, str]

    def go(self) -> None:
        os.environ.update(self.environment)
        import_from(self.path)
        if os.path.isdir(self.folder):
            os.chdir(self.folder)


class _Begun:
    """Knows which batches have begun."""

    def __init__(self) -> None:
        self._names = set[str]()

    def begin(self, name: str) -> None:
        self._names.add(name)

    def names(self) -> set[str]:
        return self._names


def _do(name: str, work: Work, runs: str, here: Here, data: list[Handed], begun: Any, *after: Any) -> str:
    """Do a batch in a process of Ray's; `after` is only waited for."""
    import ray

    begun.begin.remote(name)
    here.go()
    for handed in data:
        take_handed(handed, ray.get)
    work(runs)
    return name
