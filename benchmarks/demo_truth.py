"""What the demo's methods really do on its pairs, from twenty seeds, and how often the demo's own seeds find it.

    tlbench sweep sweep=demo 'seed=range(20)' validators=0 distances=0 store=STORE      # about ten minutes on two cores
    python benchmarks/demo_truth.py STORE --out results/demo_truth [--draws 100]

The truth of a cell is its gain over all seeds of the store, its interval, and the flag that a report of all of them gives. Power
is the share of draws, without replacement and the same for all cells of a block, of as many seeds as `conf/sweep/demo.yaml` has,
in which a report of those seeds alone gives that flag. Twenty seeds are few: draws share seeds, and power is an estimate.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlbench.findings.cells import compared, summarise
from tlbench.findings.differences import Differences
from tlbench.findings.rule import Rule
from tlbench.running.describe import backbone_label
from tlbench.store.plans import planned
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables
from tlbench.sweeping.driver import sweeper

NAMED = ["backbone", "classifier", "pair", "method"]
TRUE = ("positive", "negative")


Cell = tuple[str, ...]


def demo_seeds() -> dict[Cell, int]:
    """Return the number of seeds of each of the demo's cells, by the columns NAMED."""
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        jobs = machine.plan(["sweep=demo"])
    parts = [
        (backbone_label(c.backbone), c.classifier["name"], c.pair, c.method["name"]) for c in (j.config for j in jobs)
    ]
    return dict(Counter(parts))


def judged(store: RunStore, runs: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Judge some of a store's runs as a report of them alone would; one row a cell of a method."""
    plan = planned(store).runs
    plan = plan[plan["run_key"].isin(runs["run_key"])]
    cells = summarise(runs, plan, Differences(store).of(compared(runs, rule.selection)), rule)
    return cells[(cells["role"] == "method") & cells["gain"].notna()].set_index("cell_key")


def subset(runs: pd.DataFrame, seeds: dict[Cell, int], rng: np.random.Generator) -> pd.DataFrame:
    """Draw as many seeds as the demo has, the same for all cells that have equally many."""
    every = sorted(runs["seed"].unique())
    chosen = {n: set(rng.choice(every, n, replace=False).tolist()) for n in sorted(set(seeds.values()))}
    return runs[[row.seed in chosen[seeds[cell_of(row)]] for row in runs.itertuples()]]


def cell_of(row: Any) -> Cell:
    """Return what a row of a table is of, by the columns NAMED."""
    return tuple(str(getattr(row, name)) for name in NAMED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=100)
    given = parser.parse_args()
    store, seeds, rule, rng = RunStore(given.store), demo_seeds(), Rule(), np.random.default_rng(0)
    runs = read_tables(store).runs
    runs = runs[[row.selection == rule.selection and cell_of(row) in seeds for row in runs.itertuples()]]
    truth = judged(store, runs, rule)
    draws = [judged(store, subset(runs, seeds, rng), rule)["flag"] for _ in range(given.draws)]
    found = pd.concat(draws, axis=1).reindex(truth.index)
    table = truth[[*NAMED, "n_seeds", "gain", "gain_half", "p_corrected", "flag"]].rename(columns={"flag": "truth"})
    table["demo_seeds"] = [seeds[cell_of(row)] for row in table.itertuples()]
    for flag in TRUE:
        table[f"found_{flag}"] = (found == flag).mean(axis=1)
    table["power"] = [row[f"found_{row['truth']}"] if row["truth"] in TRUE else np.nan for _, row in table.iterrows()]
    given.out.mkdir(parents=True, exist_ok=True)
    table = table.sort_values([*NAMED], ignore_index=True).round(4)
    table.to_csv(given.out / "truth.csv", index=False)
    counts = pd.concat(draws, axis=1).apply(lambda flags: flags.value_counts()).fillna(0).T
    print(table.to_string())
    print(
        counts[[flag for flag in (*TRUE, "inconclusive", "no_effect") if flag in counts]]
        .describe()
        .round(1)
        .to_string()
    )


if __name__ == "__main__":
    main()
