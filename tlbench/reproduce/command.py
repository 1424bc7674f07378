"""`tlbench reproduce`: runs what is missing of a published table, claimed beside got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from tlbench.errors import TlbenchError
from tlbench.findings.rule import Rule
from tlbench.paths import results_dir
from tlbench.reproduce.claimed_table import Verdict, compare, succeeded, verdicts
from tlbench.reproduce.claims import judge_claims
from tlbench.reproduce.decompose import PARTS, decompose, observed
from tlbench.reproduce.page import made_of, summary
from tlbench.reproduce.paper_runs import Plan, chosen, merged, planned, scores
from tlbench.reproduce.published import published
from tlbench.reproduce.published_gains import matched_gains
from tlbench.reproduce.recipe import Paper, load
from tlbench.reproduce.save import status_of, write
from tlbench.sweep import commands
from tlbench.sweep.driver import sweeper
from tlbench.sweep.overrides import key_of

ELSEWHERE = ("data_dir", "logger", "store")
ONE_DEVICE = ("trainer=auto", "trainer=cpu", "trainer=gpu")


def reproduce(
    name: str,
    overrides: Sequence[str],
    config_dir: str | None,
    store: str | None,
    out: str | None,
    *,
    rows: Sequence[str] | None = None,
    parts: Sequence[str] | None = None,
    dry_run: bool = False,
) -> int:
    """Runs what is missing, prints claimed beside got, writes the page; 0 if no row deviates.

    With overrides, or some rows or parts, it is another table: nothing is written unless `out` says where. Overrides that say
    where and on which device leave it the same table.
    """
    paper, claims = load(name).only(rows, parts), published(name)
    hydra, own = commands.split(overrides)
    given = [*own, *([f"store={store}"] if store is not None else [])]
    with sweeper(hydra, config_dir) as machine:
        plan: Plan = {
            place: [job for grid in grids for job in planned(machine, grid)]
            for place, grids in paper.grids(given).items()
        }
        jobs = merged(plan)
        if dry_run:
            return commands.dry_run(jobs)
        outcome = machine.run(jobs, [f"paper={name}", *own], name)
    rules = {job.config.selection.rule for job in jobs if job.asked}
    if len(rules) > 1:
        raise TlbenchError(f"A table has one selection, got {', '.join(sorted(rules))}.")
    plan = chosen(outcome.store, plan, rule := rules.pop())
    runs = scores(outcome.store, plan, rule)
    table = compare(runs, claims, paper)
    found = verdicts(table, paper)
    config = jobs[0].config
    gains = matched_gains(outcome.store, plan, Rule(rule, config.alpha, config.margin))
    said = judge_claims(runs, paper.claims, config.alpha)
    made = decompose(observed(outcome.store, plan, rule), paper)
    _print(paper, table, found, said, made)
    folder = out or (str(results_dir() / name) if same_table(own) and not rows and not parts else None)
    if folder is not None:
        write(Path(folder), name, paper, runs, table, found, gains, said, made, status_of(outcome, found))
        Console().print(f"wrote {folder}/README.md", style="dim", soft_wrap=True)
    return max(commands.conclude(outcome), 0 if succeeded(found) else 1)


def same_table(overrides: Sequence[str]) -> bool:
    """Whether none of them changes what is run: only where its data lie, where it is logged, on which device."""
    return all(key_of(o) in ELSEWHERE or o in ONE_DEVICE for o in overrides)


def _print(
    paper: Paper, table: pd.DataFrame, found: Mapping[str, Verdict], said: pd.DataFrame, made: pd.DataFrame
) -> None:
    console = Console()
    shown = Table(title=paper.title, title_justify="left")
    for column, how in (
        ("row", "left"),
        ("published", "right"),
        ("got", "right"),
        ("verdict", "left"),
        ("numbers", "left"),
    ):
        shown.add_column(column, justify=how)  # type: ignore[arg-type]
    for row in summary(paper, table, found):
        shown.add_row(*row)
    console.print(shown)
    for claim in said.itertuples():
        numbers = f"{claim.estimate:+.1f} points [{claim.low:+.1f}, {claim.high:+.1f}]"
        console.print(f"{claim.verdict}: {claim.claim} ({claim.parts}: {numbers})", markup=False, highlight=False)
    if len(made):
        split = Table(title="What the gains are made of, in points", title_justify="left")
        for column in ("row", "over"):
            split.add_column(column)
        for column in ("gain got", *PARTS):
            split.add_column(column, justify="right")
        for line in made_of(made):
            split.add_row(*line)
        console.print(split)
