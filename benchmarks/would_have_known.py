"""Would one have known, without a target label, that a gain is below zero?

Signals: what each validator says of the method, less what it says of its reference; and the A-distance of the inputs.
`python benchmarks/would_have_known.py STORE [COLUMN=VALUE ...]` gives, over the cells of a store, Spearman's correlation of each
signal with the gain, and the area under the ROC curve for "gain < 0". Gains are measured with target labels, signals are not.
"""

from __future__ import annotations

import argparse

import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import tlbench as tl
from tlbench.store.runs import opened_store
from tlbench.store.table import read_tables

DISTANCE = "raw A-distance"


def signals(store: str, where: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return a row a cell (dataset, pair, method, gain and each signal, means over seeds), and the names of the signals."""
    runs = tl.read(store, where)
    tables = read_tables(opened_store(store))
    last = runs[runs["status"] == "done"].merge(tables.checkpoints, on=["run_key", "step"])
    raw = tables.distances.loc[tables.distances["features"] == "raw", ["run_key", "a_distance"]].set_index("run_key")[
        "a_distance"
    ]
    names = [name for name in tables.checkpoints if name not in ("run_key", "step", "oracle_score")]
    reference = last[last["method"] == "source_only"].set_index("recipe_key")
    own = last[last["gain"].notna()].copy()
    for name in names:
        own[name] = own[name] - own["recipe_key"].map(reference[name])
    own[DISTANCE] = own["recipe_key"].map(reference["run_key"]).map(raw)
    columns = [*names, DISTANCE]
    return own.groupby(["dataset", "pair", "method", "cell_key"])[["gain", *columns]].mean().reset_index(), columns


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("store")
    options.add_argument("where", nargs="*", help="conditions as of `tlbench report --where`")
    given = options.parse_args()
    cells, columns = signals(given.store, given.where)
    print(f"{len(cells)} cells, {(cells['gain'] < 0).sum()} with a gain below zero")
    for name in columns:
        known = cells.dropna(subset=[name, "gain"])
        hurt = (known["gain"] < 0).astype(int)
        if len(known) < 10 or hurt.nunique() < 2:
            continue
        rho = spearmanr(known[name], known["gain"]).statistic
        area = roc_auc_score(hurt, known[name] if name == DISTANCE else -known[name])
        print(f"{name:<16} n {len(known):>4}  rho {rho:+.2f}  AUROC of gain < 0: {area:.2f}")


if __name__ == "__main__":
    main()
