"""Which executor a config asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from tlbench.errors import TlbenchError
from tlbench.store.mirroring import is_address
from tlbench.sweeping.executors.in_process import InProcess
from tlbench.sweeping.executors.local_workers import LocalWorkers
from tlbench.sweeping.executors.options import LocalOptions, RayOptions, SlurmOptions, options_of

if TYPE_CHECKING:
    from tlbench.sweeping.executors.interface import Executor, Work
    from tlbench.sweeping.executors.options import Options


def chosen_options(config: DictConfig) -> Options | None:
    """Return the options of one of tlbench's executors; None for a launcher of Hydra's that someone else made.

    `hydra/launcher=basic` is this process, as one local one is.
    """
    if str(config.hydra.launcher._target_).endswith(".BasicLauncher"):
        return LocalOptions(n_jobs=1)
    return options_of(config)


def check_store(config: DictConfig, store: str) -> None:
    """Raise TlbenchError where the executor that a config asks for cannot work into this store."""
    if isinstance(chosen_options(config), SlurmOptions) and is_address(store):
        raise TlbenchError(
            f"hydra/launcher=slurm keeps its jobs' scripts and logs in the store, which all nodes must see as a folder, got "
            f"store={store}. Set store=FOLDER on a shared file system, or use hydra/launcher=ray or local, which take an address."
        )


def executor_of(options: Options, work: Work, root: Path, sweep: str) -> Executor:
    """Return the executor that does `work` for a sweep of this name into the store of this folder."""
    match options:
        case SlurmOptions():
            from tlbench.sweeping.executors.slurm import Slurm

            return Slurm(options, work, root, sweep)
        case RayOptions():
            from tlbench.sweeping.executors.ray_tasks import RayTasks

            return RayTasks(options, work, sweep)
        case LocalOptions(n_jobs=1):
            return InProcess(work, sweep)
    return LocalWorkers(processes(options), work, sweep)


def processes(options: Options | None) -> int:
    """Return how many runs are side by side; 1 where that is for a cluster to say."""
    if not isinstance(options, LocalOptions):
        return 1
    return options.n_jobs if options.n_jobs > 0 else os.cpu_count() or 1


def batch_seconds(options: Options) -> float | None:
    """Return what a batch should take; None where a batch costs nothing, and each run is one."""
    match options:
        case SlurmOptions():
            return 60 * options.minutes_per_job * options.processes
        case RayOptions():
            return 60 * options.minutes_per_task
    return None
