"""What a method's gain costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.findings.names import method_name

COSTS = ("train_seconds", "peak_memory_mb")
FRONTS = [f"front_{name}" for name in COSTS]
COLUMNS = ["method", "role", "gain", "gain_half", "n_pairs", "n_seeds", "reference", *COSTS, *FRONTS]


def cost_table(cells: pd.DataFrame, runs: pd.DataFrame, selection: str) -> pd.DataFrame:
    """Return one row a method of a block that has a gain on every pair and known costs, and the reference with a gain of 0.

    Args:
        cells: rows of `summarise`'s table of one block.
        runs: tidy table; costs are medians over the runs of a method's cells.

    Returns:
        COLUMNS: gain (points, mean over pairs), gain_half (half widths of the pairs' intervals, combined as independent:
            root of the sum of squares over the number of pairs), train_seconds and peak_memory_mb (medians; peak of the
            process so far), front_...: no other method costs at most as much and gains at least as much.
    """
    is_done = (runs["status"] == "done") & (runs["selection"] == selection) & runs["cell_key"].isin(cells["cell_key"])
    done = runs.loc[is_done, ["run_key", "cell_key", *COSTS]].drop_duplicates("run_key")
    done = done.astype(dict.fromkeys(COSTS, float))  # None where a record does not say
    spent = done.groupby("cell_key")[list(COSTS)].agg(list).to_dict()
    named = cells.assign(name=[method_name(cell) for cell in cells.itertuples()])
    n_pairs, over = named["pair"].nunique(), named.loc[named["role"] == "method", "reference"].dropna().unique()
    rows = []
    for name, own in named.groupby("name", sort=True):
        is_reference = own["method"].isin(over).all() and own["gain"].isna().all()
        own = own[own["hole"] == ""]
        if len(own) < n_pairs or not (is_reference or own["gain"].notna().all()):
            continue
        half = 0.0 if is_reference else float(np.sqrt((own["gain_half"] ** 2).sum(skipna=False)) / n_pairs)
        costs = [float(np.median([v for key in own["cell_key"] for v in spent[cost][key]])) for cost in COSTS]
        gain, n_seeds = 0.0 if is_reference else own["gain"].mean(), int(own["n_seeds"].min())
        row = (name, own["role"].iloc[0], gain, half, n_pairs, n_seeds, ", ".join(sorted(over)), *costs)
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS[: -len(COSTS)])
    table = table[(table[list(COSTS)] > 0).all(axis=1)].reset_index(drop=True)
    gains = table["gain"].to_numpy(float)
    return table.assign(**{f"front_{cost}": pareto(table[cost].to_numpy(float), gains) for cost in COSTS})


def pareto(cost_M: np.ndarray, gain_M: np.ndarray) -> np.ndarray:
    """Return (M,) bool: no other point has at most this cost and at least this gain, one of them strictly better."""
    cheaper_MM, better_MM = cost_M[None, :] <= cost_M[:, None], gain_M[None, :] >= gain_M[:, None]
    strictly_MM = (cost_M[None, :] < cost_M[:, None]) | (gain_M[None, :] > gain_M[:, None])
    return np.logical_not(np.any(cheaper_MM & better_MM & strictly_MM, axis=1))
