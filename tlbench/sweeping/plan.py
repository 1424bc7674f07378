"""The runs of a sweep: those asked for and the references that they need, with their keys and states."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tlbench.config.compose import Composer
from tlbench.config.own_configs import own_folders
from tlbench.config.schema import RunConfig
from tlbench.errors import Refused
from tlbench.running.describe import described
from tlbench.running.refusals import refuse_impossible
from tlbench.running.rehearse import rehearse
from tlbench.running.setup import DIRECT, Setup
from tlbench.store.plans import PLANNED, write_plan
from tlbench.store.runs import RunStore
from tlbench.sweeping.expand import expand
from tlbench.sweeping.overrides import Overrides, key_of
from tlbench.sweeping.search_trials import Asked


@dataclass(frozen=True)
class Job:
    """One run of a sweep.

    Attributes:
        overrides: what Hydra composes it from.
        key, cell: run key and cell key.
        asked: asked for by the command, not only needed as a reference.
        stage: references with a lower stage come first.
        search, trial, base: see `Asked`; None without a search, and of references.
        folder: of the user's own configs, if there is one.
    """

    overrides: Overrides
    setup: Setup
    key: str
    cell: str
    asked: bool
    stage: int
    search: str | None = None
    trial: int | None = None
    base: str | None = None
    folder: str | None = None

    @property
    def command(self) -> str:
        """The command that does this run alone, as a shell takes it."""
        store = [] if any(key_of(word) == "store" for word in self.overrides) else [f"store={self.config.store}"]
        own = [] if self.folder is None else ["--config-dir", self.folder]
        return shlex.join(["tlbench", "run", *self.overrides, *store, *own])

    @property
    def config(self) -> RunConfig:
        return self.setup.config

    def title(self) -> str:
        c, trial = self.config, "" if self.trial is None else f" trial {self.trial}"
        return f"{c.method['name']} {c.dataset['name']} {c.pair} seed {c.seed}{trial}"


def make_plan(composer: Composer, arguments: Sequence[str]) -> list[Job]:
    """Return all runs, references first, each once. Raises TlbenchError for whatever is wrong before anything runs."""
    asked = [(job, Setup.of(composer.run_config(job.overrides))) for job in expand(composer, arguments)]
    for _, setup in asked:
        rehearse(setup)
    _check_data([setup for _, setup in asked])
    jobs: dict[str, Job] = {}
    for job, setup in asked:
        for stage, (name, reference) in enumerate(_references(setup)):
            other = _instead(job.overrides, name, reference, carries=name == setup.method.plain)
            _add(jobs, Asked(other), reference, asked=False, stage=stage)
        _add_source_model(jobs, job.overrides, setup)
        _add(jobs, job, setup, asked=True, stage=len(setup.references))
    folder = next((str(path) for path in own_folders(composer.loader)), None)
    return sorted((replace(job, folder=folder) for job in jobs.values()), key=lambda job: job.stage)


def _instead(overrides: Overrides, name: str, reference: Setup, *, carries: bool = False) -> Overrides:
    """Return the overrides of a job's reference: another method, or the same on the direct pair.

    Args:
        carries: the other method has parameters of the job's own, and these are set.
    """
    if name == DIRECT:
        return [*(o for o in overrides if key_of(o) != "pair"), f"pair={reference.pair}"]
    own = {k: v for k, v in reference.config.method.items() if carries and k not in ("_target_", "name")}
    kept = [o for o in overrides if key_of(o) != "method" and not o.startswith("method.")]
    return [*kept, f"method={name}", *(f"method.{key}={value}" for key, value in own.items())]


def _references(setup: Setup) -> list[tuple[str, Setup]]:
    try:
        refuse_impossible(setup)
    except Refused:
        return []
    return list(setup.references.items())


def _add_source_model(jobs: dict[str, Job], overrides: Overrides, setup: Setup) -> None:
    """Plan what a run starts from as a run that keeps its model, so that it is not done a second time for that."""
    model = setup.source_model
    if model is not None and model.key in jobs:
        name = model.config.method["name"]
        kept = [*(o for o in _instead(overrides, name, model) if key_of(o) != "keep_model"), "keep_model=true"]
        _add(jobs, Asked(kept), model, asked=False, stage=jobs[model.key].stage)


def _add(jobs: dict[str, Job], job: Asked, setup: Setup, *, asked: bool, stage: int) -> None:
    known = jobs.get(setup.key)
    if known is not None:
        if known.config.keep_model and not setup.config.keep_model:
            job, setup = Asked(known.overrides, job.search, job.trial, job.base), known.setup
        asked, stage = asked or known.asked, min(stage, known.stage)
        if known.trial is not None:  # trials that are one run count as the first of them
            job = Asked(known.overrides, known.search, known.trial, known.base)
    cell = setup.keys["cell_key"]
    jobs[setup.key] = Job(job.overrides, setup, setup.key, cell, asked, stage, job.search, job.trial, job.base)


def _check_data(setups: Sequence[Setup]) -> None:
    """Look at each domain once, so that a missing or wrong file is told before the first run."""
    seen = set()
    for setup in setups:
        for domain in setup.pair.domains:
            if (setup.dataset.name, domain) not in seen:
                setup.dataset.check(domain)
                seen.add((setup.dataset.name, domain))


def keep_plan(store: RunStore, jobs: Sequence[Job], arguments: Sequence[str], name: str) -> None:
    """Keep the plan in the store, so that a report can tell what is missing."""
    configs = {job.cell: job.config for job in jobs}
    cells = {cell: config.model_dump(mode="json") for cell, config in configs.items()}
    write_plan(store, name, arguments, rows_of_plan(jobs), cells)


def rows_of_plan(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return what a report must know of each run before it is there."""
    runs: list[dict[str, Any]] = []
    for job in jobs:
        about = described(job.setup)
        of = {"search": job.search, "trial": job.trial, "base": job.base, "command": job.command}
        runs.append({"run_key": job.key, "cell_key": job.cell, **{axis: about[axis] for axis in PLANNED}, **of})
    return runs


def plan_name(arguments: Sequence[str]) -> str:
    """Return a name that the same command gets again."""
    named = [a.split("=", 1)[1] for a in arguments if key_of(a) == "sweep"]
    digest = hashlib.sha256("\n".join(sorted(arguments)).encode()).hexdigest()[:8]
    return f"{named[-1] if named else 'sweep'}-{digest}"
