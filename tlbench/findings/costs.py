"""What a method's gain costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.findings.names import method_name

COSTS = ("train_seconds", "peak_memory_mb")
COLUMNS = [
    "method",
    "role",
    "gain",
    "gain_half",
    "n_pairs",
    "n_seeds",
    "reference",
    *COSTS,
    *(f"front_{name}" for name in COSTS),
]


def cost_table(cells: pd.DataFrame, runs: pd.DataFrame, selection: str) -> pd.DataFrame:
    """One row a method of a block that has a gain on every pair and known costs, and the reference itself with a gain of 0.

    Args:
        cells: rows of `summarise`'s table of one block.
        runs: tidy table; costs are medians over the runs of a method's cells.

    Returns:
        COLUMNS: gain (points, mean over pairs), gain_half (half widths of the pairs' intervals, combined as independent:
            root of the sum of squares over the number of pairs), train_seconds and peak_memory_mb (medians; peak of the
            process so far), front_...: no other method costs at most as much and gains at least as much.
    """
    done = runs[(runs["status"] == "done") & (runs["selection"] == selection)].drop_duplicates("run_key")
    done = done.astype(dict.fromkeys(COSTS, float))  # None where a record does not say
    spent = done.groupby("cell_key")[list(COSTS)].agg(list)
    named = cells.assign(name=[method_name(cell) for cell in cells.itertuples()])
    n_pairs, over = named["pair"].nunique(), named.loc[named["role"] == "method", "reference"].dropna().unique()
    rows = []
    for name, own in named.groupby("name", sort=True):
        is_reference = own["method"].isin(over).all() and own["gain"].isna().all()
        own = own[own["hole"] == ""]
        if len(own) < n_pairs or not (is_reference or own["gain"].notna().all()):
            continue
        half = 0.0 if is_reference else float(np.sqrt((own["gain_half"] ** 2).sum(skipna=False)) / n_pairs)
        costs = {cost: float(np.median([v for key in own["cell_key"] for v in spent.loc[key, cost]])) for cost in COSTS}
        rows.append(
            {"method": name, "role": own["role"].iloc[0], "gain": 0.0 if is_reference else own["gain"].mean(), "gain_half": half,
             "n_pairs": n_pairs, "n_seeds": int(own["n_seeds"].min()), "reference": ", ".join(sorted(over)), **costs}
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=COLUMNS[: -len(COSTS)])
    table = table[(table[list(COSTS)] > 0).all(axis=1)].reset_index(drop=True)
    return table.assign(
        **{f"front_{cost}": pareto(table[cost].to_numpy(float), table["gain"].to_numpy(float)) for cost in COSTS}
    )


def pareto(cost_M: np.ndarray, gain_M: np.ndarray) -> np.ndarray:
    """(M,) bool: no other point has at most this cost and at least this gain, one of them strictly better."""
    cheaper_MM, better_MM = cost_M[None, :] <= cost_M[:, None], gain_M[None, :] >= gain_M[:, None]
    strictly_MM = (cost_M[None, :] < cost_M[:, None]) | (gain_M[None, :] > gain_M[:, None])
    return np.logical_not(np.any(cheaper_MM & better_MM & strictly_MM, axis=1))
