"""`tlbench run` and `tlbench sweep`: what they print, and the exit status."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from tlbench.errors import TlbenchError
from tlbench.metrics import metric_named
from tlbench.running.setup import Setup
from tlbench.selection.rules import no_such_rule
from tlbench.store.records import warning_of
from tlbench.store.runs import RunStore
from tlbench.store.table import renew_index
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.failures_told import failures_told
from tlbench.sweeping.forecast import forecast
from tlbench.sweeping.plan import Job, plan_name
from tlbench.sweeping.sweeper import Outcome, TlbenchSweeper

MARK = {
    "negative": "[red]▼ negative transfer[/]",
    "positive": "[green]▲ positive[/]",
    "no_effect": "≈ no effect",
    "inconclusive": "○ inconclusive",
}


def run_one(overrides: Sequence[str], config_dir: str | None, *, dry: bool) -> int:
    """Do one run and its references, in this process, with a progress bar on a terminal."""
    if dry:
        with _quiet_sweeper(overrides, config_dir) as (machine, own):
            return dry_run(_one_of(machine.plan(own))[1])
    job, store = done_run(overrides, config_dir)
    record = store.record(job.key)
    assert record is not None
    _show(record, store, job)
    return 0


def done_run(overrides: Sequence[str], config_dir: str | None) -> tuple[Job, RunStore]:
    """Do one run and its references in this process. Raises TlbenchError where it is not done in the end."""
    with _quiet_sweeper(overrides, config_dir) as (machine, own):
        job, jobs = _one_of(machine.plan(own))
        # a plan takes as long as a small run, so this one is used; one with a search grows as its trials are done
        outcome = machine.sweep(own) if job.search else machine.run(jobs, own, plan_name(own))
    store = outcome.store
    record = store.record(job.key)
    if record is None or record["status"] != "done":
        raise _why_not_done(record, job)
    return job, store


def planned_run(overrides: Sequence[str], config_dir: str | None) -> Job:
    """Return the one run that is asked for, not done."""
    with _quiet_sweeper(overrides, config_dir) as (machine, own):
        return _one_of(machine.plan(own))[0]


def planned_runs(overrides: Sequence[str], config_dir: str | None) -> list[Job]:
    """Return the runs that are asked for, without their references, not done."""
    with _quiet_sweeper(overrides, config_dir) as (machine, own):
        return [job for job in machine.plan(own) if job.asked]


def composed_run(overrides: Sequence[str], config_dir: str | None) -> Setup:
    """Return the run that these overrides compose as it is set up; no data are looked at."""
    with _quiet_sweeper(overrides, config_dir) as (machine, own):
        return Setup.of(machine.composer.run_config(own))


@contextmanager
def _quiet_sweeper(overrides: Sequence[str], config_dir: str | None) -> Iterator[tuple[TlbenchSweeper, list[str]]]:
    """Yield a sweeper that says nothing and stays in this process, and what of the overrides is the run's own."""
    hydra, own = split(overrides)
    if not any(o.startswith("hydra/launcher=") for o in hydra):
        hydra.append("hydra/launcher=basic")
    if sys.stderr.isatty() and not any(o.startswith("trainer.progress=") for o in own):
        own.append("trainer.progress=true")
    with sweeper([*hydra, "hydra.sweeper.quiet=true"], config_dir) as machine:
        yield machine, own


def _one_of(jobs: list[Job]) -> tuple[Job, list[Job]]:
    asked = [job for job in jobs if job.asked]
    if len(asked) > 1:
        raise TlbenchError(f"These arguments ask for {len(asked)} runs, and this takes one. `tlbench sweep` does many.")
    return asked[0], jobs


def run_many(
    overrides: Sequence[str],
    config_dir: str | None,
    *,
    dry: bool,
    after: Callable[[Outcome], None] = lambda outcome: None,
) -> int:
    """Do a sweep; return 0 only when every run asked for was done. `after` is told of it at its end."""
    if dry:
        hydra, own = split(overrides)
        with sweeper(hydra, config_dir) as machine:
            return dry_run(machine.plan(own))
    outcome = swept(overrides, config_dir)
    status = conclude(outcome)
    after(outcome)
    return status


def swept(overrides: Sequence[str], config_dir: str | None) -> Outcome:
    """Do what is missing of a sweep, with a bar."""
    hydra, own = split(overrides)
    with sweeper(hydra, config_dir) as machine:
        outcome = machine.sweep(own)
    if outcome.ran:
        renew_index(outcome.store)
    return outcome


def _why_not_done(record: dict[str, Any] | None, job: Job) -> TlbenchError:
    if record is None:
        return TlbenchError(f"{job.title()} left no record; its process was ended from outside.")
    if record["status"] == "skipped":
        return TlbenchError(record["reason"])
    trace = record.get("traceback")
    return TlbenchError(f"{job.title()} failed: {record['reason']}" + (f"\n{trace}" if trace else ""))


def split(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the overrides of Hydra's own config, and the others."""
    hydra = [o for o in overrides if o.lstrip("+~").startswith(("hydra/", "hydra."))]
    return hydra, [o for o in overrides if o not in hydra]


def dry_run(jobs: Sequence[Job]) -> int:
    """Print the runs of a plan with their states."""
    states = {job.key: RunStore(job.config.store).status(job.key) or "missing" for job in jobs}
    for job in jobs:
        print(f"{states[job.key]:<8} {job.key}  {job.title():<60} {' '.join(job.overrides)}")
    counts = ", ".join(f"{n} {state}" for state, n in Counter(states.values()).most_common())
    print(f"{len(jobs)} runs, {sum(not job.asked for job in jobs)} of them as references: {counts}.")
    todo = [job for job in jobs if states[job.key] != "done"]
    if todo:
        expected = forecast(todo, RunStore(todo[0].config.store), timed=False)
        unknown = "How long they take is not known: the store holds no run of their kind."
        print(f"{expected.told()} by runs of their kind in the store." if expected.n_known else unknown)
    return 0


def conclude(outcome: Outcome) -> int:
    """Say what is not done and why; return 0, or 1, or 2 where nothing asked for can be run."""
    console, counts = Console(stderr=True), Counter(outcome.statuses.values())
    console.print(", ".join(f"{n} {status or 'without a record'}" for status, n in counts.items()) + ".")
    unfinished = [job for job in outcome.jobs if outcome.statuses[job.key] != "done"]
    if not unfinished:
        return 0
    for line in failures_told(unfinished, outcome.store, outcome.lost):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    asked = [job for job in outcome.jobs if job.asked]
    return 2 if all(outcome.statuses[job.key] == "skipped" for job in asked) else 1


def _show(record: dict[str, Any], store: RunStore, job: Job) -> None:
    """Print the numbers of one run."""
    rule = job.config.selection.rule  # as asked for now; the run may have been made under another
    if rule not in record["selections"]:
        raise no_such_rule(job.config.selection.name, job.config.protocol)
    console, result = Console(), record["selections"][rule]
    oracle = "ORACLE " if record["oracle"] or result["oracle"] else ""
    table = Table(show_header=False, title=f"{oracle}{job.title()}", title_justify="left")
    metrics = result["metrics"]
    table.add_row("recipe", f"{record['protocol']}; {record['backbone']}; {record['classifier']}")
    table.add_row("selection", f"{rule.replace('oracle', 'ORACLE')} (step {result['step']})")
    scored = f"target {metric_named(record['metric']).title}"
    table.add_row(scored, f"{100 * metrics[record['metric']]:.1f} % of {record['sizes']['target_test']} examples")
    table.add_row("macro-F1, ECE", f"{metrics['macro_f1']:.3f}, {metrics['ece']:.3f}")
    for name, gain in result["gains"].items():
        text = f"{gain['gain']:+.1f} points [{gain['low']:+.1f}, {gain['high']:+.1f}], p = {gain['p']:.2g}"
        table.add_row(f"gain over {name}", f"{text}  {MARK[gain['flag']] if name == record['reference'] else ''}")
    primary = result["gains"].get(record["reference"])
    if primary and (warning := warning_of(record, result["step"], primary["reference_step"])):
        table.add_row("warning", f"{warning['probability']:.2f} that it hurts, without a target label")
    if record["reference"] is not None and record["reference"] not in result["gains"]:
        table.add_row("gain", f"none: the reference {record['reference']} could not be had")
    table.add_row("took", f"{record['costs']['seconds']:.1f} s")
    table.add_row("kept in", str(store.path(job.key)))
    console.print(table)
