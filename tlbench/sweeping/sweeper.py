"""tlbench's sweeper, a Hydra plug-in: `run` and `sweep` both go through it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from tlbench.config.compose import Composer
from tlbench.config.loader import SettledLoader, settled_override
from tlbench.errors import TlbenchError
from tlbench.method.code import code_fingerprint
from tlbench.running.comparison import is_current
from tlbench.running.ensure import lacks_features, lacks_model, record_lost_run
from tlbench.store.runs import RunStore
from tlbench.sweeping.forecast import forecast
from tlbench.sweeping.launch import launch_all
from tlbench.sweeping.plan import Job, keep_plan, make_plan, plan_name
from tlbench.sweeping.shared_inputs import prepare_images, prepare_weights
from tlbench.sweeping.sweep_bar import sweep_bar
from tlbench.sweeping.worker import end_with_parent, name_sweep

OWN = "hydra_plugins.tlbench.TlbenchSweeper"
"""Under which name Hydra finds the sweeper, see `register`."""
LOCAL = ("BasicLauncher", "JoblibLauncher")


@dataclass(frozen=True)
class Outcome:
    """What became of a sweep: its jobs and the status of each (None: it left nothing); `ran` of them were done now."""

    jobs: list[Job]
    statuses: dict[str, str | None]
    store: RunStore
    name: str = ""
    ran: int = 0


def is_finished(record: dict[str, Any] | None, job: Job) -> bool:
    """Tell whether nothing is left to do for a job: it cannot be run, or is done and compared with what it asks for."""
    if record is None or record["status"] == "failed":
        return False
    if record["status"] == "skipped":
        return True
    return is_current(record, job.setup) and not lacks_features(record, job.setup) and not lacks_model(job.setup)


def has_other_code(record: dict[str, Any], job: Job) -> bool:
    """Tell whether a run was made by another version of its method's code, under the same revision."""
    made_by = record.get("method_code")  # none: by a version that did not note it
    return made_by is not None and made_by != code_fingerprint(job.setup.method)  # type: ignore[arg-type]


class TlbenchSweeper(Sweeper):
    """Expands, adds references and runs them first, skips what is done, launches the rest.

    Args:
        quiet: no bar and no words (`run` has its own).
        runs_per_job: runs that a launcher gets as one job; null: several where a local launcher has very many, one else.
    """

    def __init__(self, quiet: bool = False, runs_per_job: int | None = None) -> None:
        if runs_per_job is not None and (type(runs_per_job) is not int or runs_per_job < 1):
            raise TlbenchError(f"hydra.sweeper.runs_per_job must be 1 or more, or null; got {runs_per_job}.")
        self.quiet, self.runs_per_job = quiet, runs_per_job

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        self.composer = Composer(hydra_context.config_loader, config)

    def plan(self, arguments: Sequence[str]) -> list[Job]:
        return make_plan(self.composer, arguments)

    def sweep(self, arguments: Sequence[str]) -> Outcome:
        """Do all of it; where a search chooses its trials by scores, round after round until the plan grows no more."""
        outcome = self._round(arguments)
        while any(job.search for job in outcome.jobs):
            known = {job.key for job in outcome.jobs}
            if {job.key for job in self.plan(arguments)} <= known:
                break
            outcome, ran = self._round(arguments), outcome.ran
            outcome = replace(outcome, ran=outcome.ran + ran)
        return outcome

    def _round(self, arguments: Sequence[str]) -> Outcome:
        return self.run(self.plan(arguments), arguments, plan_name(arguments))

    def run(self, jobs: list[Job], arguments: Sequence[str], name: str) -> Outcome:
        """Write a plan into the store and do what is missing of it."""
        if not jobs:
            raise TlbenchError("These arguments ask for no run at all, as seed=range(0) would.")
        stores = {job.config.store for job in jobs}
        if len(stores) > 1:
            raise TlbenchError(f"A sweep writes to one store, got {sorted(stores)}.")
        store = RunStore(stores.pop())
        store.check_writable()
        keep_plan(store, jobs, arguments, name)
        console, todo, changed = Console(stderr=True, quiet=self.quiet), [], Counter[str]()
        for job in jobs:
            record = store.record(job.key)
            if not is_finished(record, job):
                todo.append(job)
            elif record is not None and has_other_code(record, job):
                changed[job.config.method["name"]] += 1
        for method, n in changed.items():
            console.print(
                f"{method}: its code has changed since {n} runs that are there were made, and its revision has not: they are "
                "not run again. Raise `revision` in its class if its numbers have moved.",
                soft_wrap=True,
            )
        references = sum(not job.asked for job in jobs)
        console.print(
            f"{len(jobs)} runs ({references} of them references that the methods need), {len(jobs) - len(todo)} are there."
        )
        if todo:
            prepare_weights(todo)
            prepare_images(todo)
            if line := forecast(todo, store).line(processes(self.config)):
                console.print(line, soft_wrap=True)
            with sweep_bar(store, [job.key for job in todo], console):
                self._launch(todo, name, store)
        store.tidy()
        return Outcome(jobs, {job.key: store.status(job.key) for job in jobs}, store, name, len(todo))

    def _launch(self, todo: Sequence[Job], name: str, store: RunStore) -> None:
        """Launch stage by stage: a reference is done before the runs that are compared with it."""
        assert self.hydra_context is not None
        assert self.config is not None
        assert self.task_function is not None
        context = HydraContext(SettledLoader(self.hydra_context.config_loader), self.hydra_context.callbacks)
        # launchers copy and send their config for each job, and jobs carry their runs: of the rest they need Hydra's own part
        config = OmegaConf.masked_copy(self.config, ["hydra", "store"])
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=self.task_function, config=config
        )
        name_sweep()
        joblib = getattr(launcher, "joblib", None)
        if isinstance(joblib, dict):  # as soon as a worker is there, before it has anything to do
            joblib["initializer"] = end_with_parent
        for stage in sorted({job.stage for job in todo}):
            jobs = [job for job in todo if job.stage == stage]

            def launch(some: Sequence[Job]) -> None:
                size = self.runs_per_job or together(len(some), self.config)
                parts = [some[i : i + size] for i in range(0, len(some), size)]
                launcher.launch([_launched(part, name) for part in parts], initial_job_idx=0)

            for job, reason in launch_all(jobs, launch, store):
                record_lost_run(job.setup, reason)


def processes(config: DictConfig | None) -> int:
    """Return how many runs a launcher of this machine has side by side; 1 for one process, and for launchers unknown here."""
    jobs = None if config is None else OmegaConf.select(config, "hydra.launcher.n_jobs")
    return 1 if jobs is None else int(jobs) if int(jobs) > 0 else os.cpu_count() or 1


def together(n: int, config: DictConfig | None) -> int:
    """Return how many runs a job of a launcher has: more than one where a local processor has more than 16 to do, at most 16, so
    that the launcher's own work, a few hundredths of a second a job, does not add up; on a cluster a job is a run."""
    local = config is not None and str(config.hydra.launcher._target_).endswith(LOCAL)
    return max(1, min(16, n // (16 * (os.cpu_count() or 1)))) if local else 1


def _launched(jobs: Sequence[Job], name: str) -> list[str]:
    """Return what a launcher gets: the overrides of the first run, and all runs as settled, in the group of the sweep's name."""
    configs = [job.config if job.config.group else job.config.model_copy(update={"group": name}) for job in jobs]
    return [*jobs[0].overrides, settled_override(configs)]


def register() -> None:
    """Make the sweeper known to Hydra, as `hydra/sweeper=tlbench`.

    Hydra takes plug-ins only from the namespace package `hydra_plugins`. Naming this module there as well spares us a
    second top-level package.
    """
    sys.modules["hydra_plugins.tlbench"] = sys.modules[__name__]
    TlbenchSweeper.__module__ = "hydra_plugins.tlbench"
    Plugins.instance().register(TlbenchSweeper)
    node: dict[str, Any] = {"_target_": OWN, "quiet": False, "runs_per_job": None}
    ConfigStore.instance().store(group="hydra/sweeper", name="tlbench", node=node, provider="tlbench")
