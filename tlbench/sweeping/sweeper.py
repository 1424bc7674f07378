"""tlbench's sweeper, a Hydra plug-in: `run` and `sweep` both go through it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from rich.console import Console

from tlbench.config.compose import Composer
from tlbench.errors import TlbenchError
from tlbench.method.code import code_fingerprint
from tlbench.running.comparison import is_current
from tlbench.running.ensure import lacks_features, lacks_model, record_lost_run
from tlbench.store.runs import RunStore
from tlbench.sweeping.executors.chosen import check_store
from tlbench.sweeping.executors.interface import Loss
from tlbench.sweeping.executors.options import register_options
from tlbench.sweeping.forecast import forecast
from tlbench.sweeping.job import do_runs
from tlbench.sweeping.launching import Launching
from tlbench.sweeping.plan import Job, keep_plan, make_plan, plan_name
from tlbench.sweeping.shared_inputs import prepare_images, prepare_weights
from tlbench.sweeping.sweep_bar import sweep_bar

OWN = "hydra_plugins.tlbench.TlbenchSweeper"
"""Under which name Hydra finds the sweeper, see `register`."""


@dataclass(frozen=True)
class Outcome:
    """What became of a sweep: its jobs and the status of each (None: it left nothing); `ran` of them were done now, and `lost`
    says why the process of some ended before they had."""

    jobs: list[Job]
    statuses: dict[str, str | None]
    store: RunStore
    name: str = ""
    ran: int = 0
    lost: Mapping[str, Loss] = field(default_factory=dict)


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
        runs_per_job: runs that a job of a cluster has at most; null: as many as fill its minutes. A launcher of Hydra's gets as
            many as one job; null: one.
    """

    def __init__(self, quiet: bool = False, runs_per_job: int | None = None) -> None:
        if runs_per_job is not None and (type(runs_per_job) is not int or runs_per_job < 1):
            raise TlbenchError(f"hydra.sweeper.runs_per_job must be 1 or more, or null; got {runs_per_job}.")
        self.quiet, self.runs_per_job = quiet, runs_per_job
        self.launching: Launching | None = None

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
        assert self.config is not None
        check_store(self.config, where := stores.pop())
        store = RunStore(where)
        store.check_writable()
        keep_plan(store, jobs, arguments, name)
        console, todo, changed = Console(stderr=True, quiet=self.quiet), [], Counter[str]()
        lost: dict[str, Loss] = {}
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
            expected, launching = forecast(todo, store), self._launching()
            if line := expected.line(launching.processes):
                console.print(line, soft_wrap=True)
            with sweep_bar(store, [job.key for job in todo], console):
                lost = launching.do(todo, name, store, expected.of, console.print)
        store.tidy()
        return Outcome(jobs, {job.key: store.status(job.key) for job in jobs}, store, name, len(todo), lost)

    def _launching(self) -> Launching:
        """Return what does the runs, the same for all rounds of a search: its workers stay warm."""
        if self.launching is None:
            assert self.hydra_context is not None
            assert self.config is not None
            assert self.task_function is not None
            given = self.config, self.hydra_context, self.task_function
            self.launching = Launching(do_runs, _record_lost, *given, self.runs_per_job)
        return self.launching

    def close(self) -> None:
        """Give back what the sweep has been done by."""
        if self.launching is not None:
            self.launching.close()


def _record_lost(job: Job, loss: Loss) -> None:
    record_lost_run(job.setup, loss.reason, loss.kind)


def register() -> None:
    """Make the sweeper known to Hydra, as `hydra/sweeper=tlbench`.

    Hydra takes plug-ins only from the namespace package `hydra_plugins`. Naming this module there as well spares us a
    second top-level package.
    """
    sys.modules["hydra_plugins.tlbench"] = sys.modules[__name__]
    TlbenchSweeper.__module__ = "hydra_plugins.tlbench"
    Plugins.instance().register(TlbenchSweeper)
    register_options()
    node: dict[str, Any] = {"_target_": OWN, "quiet": False, "runs_per_job": None}
    ConfigStore.instance().store(group="hydra/sweeper", name="tlbench", node=node, provider="tlbench")
