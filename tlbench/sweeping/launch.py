"""A launcher of Hydra's own or a user's in place of an executor. A launch that breaks costs the run that broke it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from joblib.externals.loky import get_reusable_executor
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from tlbench.config.loader import SettledLoader, settled_override
from tlbench.sweeping.worker import end_with_parent, name_sweep

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.plan import Job


ALONE = 4
"""Jobs launched one by one after a launch that broke before any of its jobs ended; then all that are left, together."""


def launch_all(jobs: Sequence[Job], launch: Callable[[Sequence[Job]], None], store: RunStore) -> list[tuple[Job, str]]:
    """Launch jobs until each has left a record or was lost; return the lost ones with the launcher's reason.

    Args:
        launch: starts some of them and waits; raises where a process died.
    """
    before = {job.key: store.stamp(job.key) for job in jobs}
    lost: dict[str, tuple[Job, str]] = {}

    def left() -> list[Job]:
        return [job for job in jobs if job.key not in lost and store.stamp(job.key, fresh=True) == before[job.key]]

    def broke(some: Sequence[Job]) -> str | None:
        try:
            launch(some)
        except Exception as error:  # whatever it is: it becomes the reason of the jobs that it cost
            return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return None

    while remaining := left():
        reason = broke(remaining)
        after = left()
        if len(remaining) == 1:  # it was alone already
            lost |= {job.key: (job, reason or "It left no record.") for job in after}
            continue
        if reason is not None and len(after) < len(remaining):
            continue  # some ended before the launch broke: the rest together once more
        for job in after[:ALONE]:
            reason = broke([job])
            if job in left():
                lost[job.key] = (job, reason or "It left no record.")
    return list(lost.values())


def launch_by_hydra(
    jobs: Sequence[Job],
    name: str,
    store: RunStore,
    config: DictConfig,
    context: HydraContext,
    task: TaskFunction,
    runs_per_job: int,
) -> list[tuple[Job, str]]:
    """Launch stage by stage: a reference is done before the runs that are compared with it. Return what was lost, and why.

    Args:
        name: of the sweep.
        runs_per_job: runs that a launcher gets as one job.
    """
    settled = HydraContext(SettledLoader(context.config_loader), context.callbacks)
    # launchers copy and send their config for each job, and jobs carry their runs: of the rest they need Hydra's own part
    own = OmegaConf.masked_copy(config, ["hydra", "store"])
    with read_write(own.hydra), open_dict(own.hydra):  # launchers make this folder; an address names none
        own.hydra.run.dir = own.hydra.sweep.dir = str(store.root)
    launcher = Plugins.instance().instantiate_launcher(hydra_context=settled, task_function=task, config=own)
    name_sweep()
    joblib = getattr(launcher, "joblib", None)
    if isinstance(joblib, dict):
        # workers of an earlier pool of this process know neither its folder nor its import path of today
        get_reusable_executor().shutdown(wait=True)
        joblib["initializer"] = end_with_parent  # as soon as a worker is there, before it has anything to do

    def launch(some: Sequence[Job]) -> None:
        parts = [some[i : i + runs_per_job] for i in range(0, len(some), runs_per_job)]
        launcher.launch([_launched(part, name) for part in parts], initial_job_idx=0)

    lost: list[tuple[Job, str]] = []
    for stage in sorted({job.stage for job in jobs}):
        lost += launch_all([job for job in jobs if job.stage == stage], launch, store)
    return lost


def _launched(jobs: Sequence[Job], name: str) -> list[str]:
    """Return what a launcher gets: the overrides of the first run, and all runs as settled, in the group of the sweep's name."""
    configs = [job.config if job.config.group else job.config.model_copy(update={"group": name}) for job in jobs]
    return [*jobs[0].overrides, settled_override(configs)]
