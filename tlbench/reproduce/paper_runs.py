"""The runs of a paper's table: planned, without what its search does not choose, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tlbench.config.compose import PER_RUN
from tlbench.findings.trials import choose
from tlbench.reproduce.recipe import Grid
from tlbench.store.content_keys import is_content
from tlbench.store.plans import BESIDE
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables
from tlbench.sweeping.overrides import key_of
from tlbench.sweeping.plan import Job, rows_of_plan
from tlbench.sweeping.sweeper import TlbenchSweeper

Plan = Mapping[tuple[str, str], Sequence[Job]]


def planned_jobs(machine: TlbenchSweeper, grid: Grid) -> list[Job]:
    """Return the jobs of the pairs that count."""
    jobs = machine.plan(grid.arguments)
    return jobs if grid.pairs is None else [job for job in jobs if str(job.config.pair) in grid.pairs]


def merged_jobs(plan: Plan) -> list[Job]:
    """Return all jobs once, references first; a run that one row asks for and another needs as a reference is asked for."""
    jobs: dict[str, Job] = {}
    for job in (job for some in plan.values() for job in some):
        known = jobs.get(job.key)
        if known is None or (job.asked, -job.stage) > (known.asked, -known.stage):
            jobs[job.key] = job
    return sorted(jobs.values(), key=lambda job: job.stage)


def chosen_plan(store: RunStore, plan: Plan, rule: str) -> Plan:
    """Return the plan without the trials of a search that the rule does not choose, pair by pair."""
    if not any(job.search for some in plan.values() for job in some):
        return plan
    kept = {}
    for place, some in plan.items():
        tables = read_tables(store, [job.key for job in some])
        dropped = choose(pd.DataFrame(rows_of_plan(some)), tables.runs, tables.checkpoints, rule).dropped
        kept[place] = [job for job in some if job.cell not in dropped]
    return kept


def scores(store: RunStore, plan: Plan, rule: str) -> pd.DataFrame:
    """Return row, part, pair, seed, score (percent; nan where a run is not done), trial (what a search chose, or empty)."""
    rows = []
    for (part, row), some in plan.items():
        for job in (job for job in some if job.asked):
            record = store.record(job.key)
            done = record is not None and record["status"] == "done"
            value = 100 * record["selections"][rule]["metrics"][record["metric"]] if done else float("nan")  # type: ignore[index]
            rows.append((row, part, str(job.config.pair), job.config.seed, value, trial_words(job)))
    return pd.DataFrame(rows, columns=["row", "part", "pair", "seed", "score", "trial"])


def trial_words(job: Job) -> str:
    """Tell what the trial of a job sets."""
    if job.search is None:
        return ""
    fixed = (job.base or "").split(BESIDE)
    own = [o for o in job.overrides if o not in fixed and key_of(o) not in PER_RUN and is_content(o)]
    return " ".join(own) or "as it is"
