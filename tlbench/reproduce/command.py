"""`tlbench reproduce`: runs what is missing of a published table, claimed beside got."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tlbench.errors import TlbenchError
from tlbench.findings.rule import Rule
from tlbench.paths import results_dir
from tlbench.reproduce.claimed_table import compare, succeeded, verdicts
from tlbench.reproduce.claims import judge_claims
from tlbench.reproduce.decompose import PARTS, decompose, observed
from tlbench.reproduce.page import Results, made_of, summary
from tlbench.reproduce.paper_runs import Plan, chosen_plan, merged_jobs, planned_jobs, scores
from tlbench.reproduce.published import published
from tlbench.reproduce.published_gains import matched_gains
from tlbench.reproduce.recipe import Paper, load
from tlbench.reproduce.same_table import same_table
from tlbench.reproduce.save import status_of, write
from tlbench.sweeping import commands
from tlbench.sweeping.driver import sweeper


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
    """Run what is missing, print claimed beside got, write the page; 0 if no row deviates.

    With overrides, or some rows or parts, it is another table: nothing is written unless `out` says where. Overrides that say
    where and on which device leave it the same table.
    """
    paper, claims = load(name).only(rows, parts), published(name)
    hydra, own = commands.split(overrides)
    given = [*own, *([f"store={store}"] if store is not None else [])]
    with sweeper(hydra, config_dir) as machine:
        places = paper.grids(given).items()
        plan: Plan = {place: [job for grid in grids for job in planned_jobs(machine, grid)] for place, grids in places}
        jobs = merged_jobs(plan)
        if dry_run:
            return commands.dry_run(jobs)
        outcome = machine.run(jobs, [f"paper={name}", *own], name)
    rules = {job.config.selection.rule for job in jobs if job.asked}
    if len(rules) > 1:
        raise TlbenchError(f"A table has one selection, got {', '.join(sorted(rules))}.")
    plan = chosen_plan(outcome.store, plan, rule := rules.pop())
    runs = scores(outcome.store, plan, rule)
    table, config = compare(runs, claims, paper), jobs[0].config
    gains = matched_gains(outcome.store, plan, Rule(rule, config.alpha, config.margin))
    said = judge_claims(runs, paper.claims, config.alpha)
    made = decompose(observed(outcome.store, plan, rule), paper)
    found = Results(runs, table, verdicts(table, paper), gains, said, made)
    _print(paper, found)
    folder = out or (str(results_dir() / name) if same_table(own) and not rows and not parts else None)
    if folder is not None:
        write(Path(folder), name, paper, found, status_of(outcome, found.verdicts))
        Console().print(f"wrote {folder}/README.md", style="dim", soft_wrap=True)
    return max(commands.conclude(outcome), 0 if succeeded(found.verdicts) else 1)


def _print(paper: Paper, found: Results) -> None:
    console = Console()
    shown = Table(title=paper.title, title_justify="left")
    for column in ("row", "published", "got", "verdict", "numbers"):
        shown.add_column(column, justify="right" if column in ("published", "got") else "left")
    for row in summary(found.table, found.verdicts):
        shown.add_row(*row)
    console.print(shown)
    for claim in found.claims.itertuples():
        numbers = f"{claim.estimate:+.1f} points [{claim.low:+.1f}, {claim.high:+.1f}]"
        console.print(f"{claim.verdict}: {claim.claim} ({claim.parts}: {numbers})", markup=False, highlight=False)
    if len(found.parts):
        split = Table(title="What the gains are made of, in points", title_justify="left")
        for column in ("row", "over"):
            split.add_column(column)
        for column in ("gain got", *PARTS):
            split.add_column(column, justify="right")
        for line in made_of(found.parts):
            split.add_row(*line)
        console.print(split)
