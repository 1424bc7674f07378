"""What a round came to: runs that were lost, wrong, or done again after they were finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from benchmarks.store_faults.damage import problems
from benchmarks.store_faults.disturbances import DISTURB
from benchmarks.store_faults.faulty_round import Round
from tlbench.store.reading import StoreReader
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables


@dataclass
class Outcome:
    """What one round came to."""

    faults: str
    n_runs: int = 0
    n_begun: int = 0
    lost: int = 0
    wrong: int = 0
    double: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        return bool(self.lost or self.wrong or self.double or self.problems)


def judge(this: Round, outcome: Outcome, reference: RunStore) -> None:
    store, finished = RunStore(this.store), set()
    outcome.n_runs = len(reference.run_keys())
    for line in this.log.read_text().splitlines():
        what, key = line.split()
        outcome.n_begun += what == "begun"
        outcome.double += what == "begun" and key in finished
        finished |= {key} if what == "done" else set()
    for key in reference.run_keys():
        if store.status(key) != "done":
            outcome.lost += 1
        elif _numbers(store, key) != _numbers(reference, key):
            outcome.wrong += 1
    outcome.wrong += len(set(store.run_keys()) - set(reference.run_keys()))
    done = read_tables(store, verify=True).runs
    outcome.lost += outcome.n_runs - done.loc[done["status"] == "done", "run_key"].nunique()
    outcome.problems += [problem.line() for problem in problems(this)]
    left = [path for name in (".locks", ".aside") for path in (this.store / name).glob("*")]
    outcome.problems += [f"left: {path}" for path in left]


def _numbers(store: StoreReader, key: str) -> tuple[Any, ...]:
    record = store.record(key) or {}
    return (
        store.part(key, "predictions.parquet"),
        store.part(key, "history.parquet"),
        record["selections"],
        record["sizes"],
    )


def table(found: list[Outcome]) -> pd.DataFrame:
    """One row a kind of fault: rounds, runs planned, computed, lost, wrong, double, problems left."""
    rows = [{"fault": part, "rounds": 1, "runs": o.n_runs, "computed": o.n_begun, "lost": o.lost, "wrong": o.wrong,
             "double": o.double, "problems": len(o.problems)} for o in found for part in (*_parts(o.faults), "all")]  # fmt: skip
    return pd.DataFrame(rows).groupby("fault", sort=False).sum().reset_index()


def _parts(faults: str) -> list[str]:
    first = max((name for name in DISTURB if faults.startswith(name)), key=len)
    return [first, *filter(None, faults.removeprefix(first).split(", "))]
