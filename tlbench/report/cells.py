"""From runs to cells: seeds summarised, gaps named, flags corrected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tlbench.results.store import RunStore
from tlbench.transfer.cells import cell_flag, holm, spread, t_test_p

CELL = ["dataset", "pair", "protocol", "backbone", "classifier", "method", "family"]
BLOCK = ["dataset", "protocol", "backbone", "classifier"]


def expected_seeds(store: RunStore) -> pd.DataFrame:
    """Every run that a sweep of this store planned: run_key, cell_key, seed, and the columns of CELL."""
    plans = sorted((store.root / "plans").glob("*.json"))
    runs = [run for plan in plans for run in json.loads(plan.read_text("utf-8"))["runs"]]
    table = pd.DataFrame(runs, columns=["run_key", "cell_key", "seed", "reference", *CELL])
    return table.drop_duplicates("run_key", ignore_index=True)


def summarise(
    runs: pd.DataFrame,
    planned: pd.DataFrame,
    *,
    selection: str,
    alpha: float,
    variants: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row per cell, from one row per run.

    A cell with a planned, failed or skipped seed that is not done is a hole: it gets counts and reasons, no mean.

    Args:
        runs: tidy table (`read_runs`); accuracy in [0, 1], gains in points.
        planned: runs that sweeps have planned (`expected_seeds`).
        selection: whose rows to take.
        alpha: 1 - level of intervals, threshold of flags.
        variants: cell_key to words that tell apart cells with the same axes.

    Returns:
        The columns of CELL, variant, cell_key, uses_target_labels; n_seeds, n_expected, hole (words, or "");
        accuracy, accuracy_sd, accuracy_half; reference, gain, gain_sd, gain_half (percentage points; half widths of the
        interval), basis (`seeds`, or `examples` where all seeds agree), p, p_holm, n_tests, flag; runs_negative,
        runs_positive (runs flagged by themselves).

    Raises:
        ValueError: a cell has a seed twice.
    """
    done = runs[(runs["status"] == "done") & (runs["selection"] == selection)]
    if done.duplicated(["cell_key", "seed"]).any():
        raise ValueError("a cell has two runs of one seed; such a table is not averaged")
    everything = pd.concat([runs[["run_key", "cell_key", "seed", *CELL]], planned], ignore_index=True)
    everything = everything.drop_duplicates("run_key")
    rows = []
    for key, whole in everything.groupby("cell_key", sort=False):
        own = done[done["cell_key"] == key].sort_values("seed")
        bad = runs[(runs["cell_key"] == key) & (runs["status"] != "done")]
        row = {**whole.iloc[0][CELL].to_dict(), "cell_key": key, "variant": (variants or {}).get(str(key), "")}
        rows.append({**row, **_numbers(own, bad, whole["seed"].nunique(), alpha)})
    cells = pd.DataFrame(rows)
    if cells.empty:
        return cells
    cells["p_holm"] = holm(cells["p"].tolist())
    cells["n_tests"] = int(cells["p"].notna().sum())
    with_gain = cells["gain"].notna()
    flags = [
        cell_flag(g, p, int(n), alpha) for g, p, n in zip(cells["gain"], cells["p_holm"], cells["n_seeds"], strict=True)
    ]
    cells["flag"] = np.where(with_gain, flags, "")
    return cells.sort_values([*BLOCK, "pair", "method", "variant"], ignore_index=True)


def _numbers(own: pd.DataFrame, bad: pd.DataFrame, n_expected: int, alpha: float) -> dict[str, Any]:
    empty = dict.fromkeys(["accuracy", "accuracy_sd", "accuracy_half", "gain", "gain_sd", "gain_half", "p"], np.nan)
    row: dict[str, Any] = {
        **empty,
        "n_seeds": len(own),
        "n_expected": n_expected,
        "uses_target_labels": bool(own["uses_target_labels"].any() if len(own) else bad["uses_target_labels"].any()),
        "hole": _hole(len(own), n_expected, bad),
        "reference": None,
        "basis": "seeds",
        "runs_negative": int((own["gain_flag"] == "negative").sum()),
        "runs_positive": int((own["gain_flag"] == "positive").sum()),
    }
    if row["hole"]:
        return row
    s = spread((100 * own["accuracy"]).tolist(), alpha)
    row |= {"accuracy": s.mean, "accuracy_sd": s.sd, "accuracy_half": s.half}
    if own["gain"].isna().any():
        return row
    gains = own["gain"].tolist()
    s = spread(gains, alpha)
    row |= {"reference": own["reference"].iloc[0], "gain": s.mean, "gain_sd": s.sd, "gain_half": s.half}
    row["p"] = t_test_p(gains)
    if s.n >= 3 and not s.sd > 1e-9:  # the seeds change nothing: only the test examples are random
        row |= {"basis": "examples", "p": own["gain_p"].max()}
        row["gain_half"] = float((own["gain_high"] - own["gain_low"]).max() / 2)
    return row


def _hole(n: int, n_expected: int, bad: pd.DataFrame) -> str:
    if n == n_expected:
        return ""
    states = [f"{count} {status}" for status, count in bad["status"].value_counts().items()]
    missing = n_expected - n - len(bad)
    return f"{n} of {n_expected} seeds" + f" ({', '.join([*states, *([f'{missing} missing'] if missing else [])])})"


def variant_names(store: RunStore, runs: pd.DataFrame) -> dict[str, str]:
    """Words for cells that no axis tells apart: the config keys in which they differ, such as `method.weight=2.0`."""
    found: dict[str, str] = {}
    first = runs.drop_duplicates("cell_key")
    for _, same in first.groupby([*BLOCK, "method"], dropna=False):
        crowded = same[same.duplicated("pair", keep=False)]
        if crowded.empty:
            continue
        flat = {row.cell_key: _flat(store.config(row.run_key)) for row in same.itertuples()}
        keys = sorted({k for values in flat.values() for k in values})
        differing = [k for k in keys if len({str(values.get(k)) for values in flat.values()}) > 1]
        for row in same.itertuples():
            words = ", ".join(f"{k}={flat[row.cell_key].get(k)}" for k in differing)
            found[str(row.cell_key)] = words or f"cell {str(row.cell_key)[:6]}"
    return found


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of what belongs to a cell; pair, seed, paths and hardware left out."""
    skip = {
        "pair",
        "seed",
        "group",
        "data_dir",
        "store",
        "logger",
        "trainer",
        "selection",
        "references",
        "alpha",
        "sweep",
    }
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if not prefix and key in skip:
            continue
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
