"""`tlbench reproduce` and `tlbench list papers`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from tlbench.config.compose import PER_RUN
from tlbench.config.parts import BESIDE, is_content
from tlbench.environment import code_version
from tlbench.errors import TlbenchError
from tlbench.findings.rule import Rule
from tlbench.findings.trials import choose
from tlbench.listing import describe
from tlbench.paths import results_dir
from tlbench.reproduce.claims import judge_claims
from tlbench.reproduce.decompose import PARTS, decompose, observed
from tlbench.reproduce.gains import beside, matched_gains
from tlbench.reproduce.page import made_of, page, summary
from tlbench.reproduce.published import published
from tlbench.reproduce.recipe import Grid, Paper, load
from tlbench.reproduce.table import Verdict, claimed, compare, succeeded, verdicts
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables
from tlbench.sweep import commands
from tlbench.sweep.driver import sweeper
from tlbench.sweep.overrides import key_of
from tlbench.sweep.plan import Job, rows_of_plan
from tlbench.sweep.sweeper import Outcome, TlbenchSweeper

Plan = Mapping[tuple[str, str], Sequence[Job]]
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
        write(Path(folder), name, paper, runs, table, found, gains, said, made, _status(outcome, found))
        Console().print(f"wrote {folder}/README.md", style="dim", soft_wrap=True)
    return max(commands.conclude(outcome), 0 if succeeded(found) else 1)


def same_table(overrides: Sequence[str]) -> bool:
    """Whether none of them changes what is run: only where its data lie, where it is logged, on which device."""
    return all(key_of(o) in ELSEWHERE or o in ONE_DEVICE for o in overrides)


def planned(machine: TlbenchSweeper, grid: Grid) -> list[Job]:
    """The jobs of the pairs that count."""
    jobs = machine.plan(grid.arguments)
    return jobs if grid.pairs is None else [job for job in jobs if str(job.config.pair) in grid.pairs]


def merged(plan: Plan) -> list[Job]:
    """All jobs once, references first; a run that one row asks for and another needs as a reference is asked for."""
    jobs: dict[str, Job] = {}
    for job in (job for some in plan.values() for job in some):
        known = jobs.get(job.key)
        if known is None or (job.asked, -job.stage) > (known.asked, -known.stage):
            jobs[job.key] = job
    return sorted(jobs.values(), key=lambda job: job.stage)


def chosen(store: RunStore, plan: Plan, rule: str) -> Plan:
    """The plan without the trials of a search that the rule does not choose, pair by pair."""
    if not any(job.search for some in plan.values() for job in some):
        return plan
    kept = {}
    for place, some in plan.items():
        tables = read_tables(store, [job.key for job in some])
        dropped = choose(pd.DataFrame(rows_of_plan(some)), tables.runs, tables.checkpoints, rule).dropped
        kept[place] = [job for job in some if job.cell not in dropped]
    return kept


def scores(store: RunStore, plan: Plan, rule: str) -> pd.DataFrame:
    """row, part, pair, seed, score (percent; nan where a run is not done), trial (what a search chose, else empty)."""
    rows = []
    for (part, row), some in plan.items():
        for job in (job for job in some if job.asked):
            record = store.record(job.key)
            done = record is not None and record["status"] == "done"
            value = 100 * record["selections"][rule]["metrics"][record["metric"]] if done else float("nan")  # type: ignore[index]
            rows.append(
                {"row": row, "part": part, "pair": str(job.config.pair), "seed": job.config.seed, "score": value,
                 "trial": tried(job)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def tried(job: Job) -> str:
    """What the trial of a job sets."""
    if job.search is None:
        return ""
    fixed = (job.base or "").split(BESIDE)
    own = [o for o in job.overrides if o not in fixed and key_of(o) not in PER_RUN and is_content(o)]
    return " ".join(own) or "as it is"


def write(
    folder: Path,
    name: str,
    paper: Paper,
    runs: pd.DataFrame,
    table: pd.DataFrame,
    found: Mapping[str, Verdict],
    gains: pd.DataFrame,
    said: pd.DataFrame,
    made: pd.DataFrame,
    status: Mapping[str, Any],
) -> None:
    """README.md, status.json, claimed_got.svg, and a CSV of each table that has rows."""
    # matplotlib takes a second to import, and a part of a table draws nothing
    from tlbench.report.figures.claims import claimed_and_got
    from tlbench.report.figures.style import as_svg

    folder.mkdir(parents=True, exist_ok=True)
    text = page(name, paper, table, found, gains, beside(table, gains, paper), said, runs, status, made)
    (folder / "README.md").write_text(text, "utf-8")
    tables = {"reproduced": table, "runs": runs, "gains": gains, "claims": said, "decomposition": made}
    for file, values in tables.items():
        if len(values):
            values.round(4).to_csv(folder / f"{file}.csv", index=False)
    (folder / "status.json").write_text(json.dumps(status, indent=1) + "\n", "utf-8")
    if len(both := claimed(table, paper)):
        (folder / "claimed_got.svg").write_text(as_svg(claimed_and_got(both)), "utf-8")


def _status(outcome: Outcome, found: Mapping[str, Verdict]) -> dict[str, Any]:
    records = [
        record for job in outcome.jobs if (record := outcome.store.record(job.key)) and record["status"] == "done"
    ]
    about = (
        {name: records[0][name] for name in ("versions", "hardware")} if records else {"versions": {}, "hardware": {}}
    )
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "code": code_version(),
        **about,
        "runs": len(records),
        "seconds": round(sum(record["costs"]["seconds"] for record in records), 1),
        "rows": {row: verdict.word for row, verdict in found.items()},
        "reproduced": succeeded(found),
    }


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


def list_papers() -> int:
    """id, what it needs, and what came of it here."""
    for name, text in describe("paper"):
        paper = load(name)
        needs = f"{', '.join(paper.needs.data)}; {paper.needs.minutes:g} min on 2 cores"
        if paper.needs.gpu_hours:
            needs = f"{', '.join(paper.needs.data)}; {paper.needs.gpu_hours:g} GPU hours"
        print(f"{name}  {text}\n    needs {needs}\n    {state(name)}")
    return 0


def state(name: str) -> str:
    """`reproduced on 2026-11-25 within tolerance`, `deviating (rows)`, or `not run here`."""
    path = results_dir() / name / "status.json"
    if not path.is_file():
        return "not run here"
    status = json.loads(path.read_text("utf-8"))
    if status["reproduced"]:
        return f"reproduced on {status['date']} within tolerance"
    off = [row for row, word in status["rows"].items() if word in ("deviates", "incomplete")]
    return f"deviating on {status['date']}: {', '.join(off)}"
