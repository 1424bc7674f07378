"""From runs to cells: seeds summarised, gaps named, flags corrected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tlbench.results.store import RunStore
from tlbench.transfer.cells import cell_flag, holm, spread, t_test_p

CELL = ["dataset", "pair", "protocol", "backbone", "classifier", "method", "family", "metric"]
BLOCK = ["dataset", "protocol", "backbone", "classifier", "metric"]


@dataclass(frozen=True)
class Planned:
    """What the sweeps of a store set out to do.

    Attributes:
        runs: run_key, cell_key, seed, and the columns of CELL, one row a run.
        configs: cell_key to the cell's config.
    """

    runs: pd.DataFrame
    configs: Mapping[str, Mapping[str, Any]]


def planned(store: RunStore) -> Planned:
    """All plans of a store together."""
    plans = [json.loads(path.read_text("utf-8")) for path in sorted((store.root / "plans").glob("*.json"))]
    table = pd.DataFrame(
        [run for plan in plans for run in plan["runs"]], columns=["run_key", "cell_key", "seed", *CELL]
    )
    configs = {cell: config for plan in plans for cell, config in plan["cells"].items()}
    return Planned(table.drop_duplicates("run_key", ignore_index=True), configs)


def summarise(
    runs: pd.DataFrame,
    plan: pd.DataFrame,
    *,
    selection: str,
    alpha: float,
    variants: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row per cell, from one row per run.

    A cell with a planned, failed or skipped seed that is not done is a hole: it gets counts and reasons, no mean.

    Args:
        runs: tidy table (`read_runs`); score in [0, 1], gains in points.
        plan: runs that sweeps have planned (`Planned.runs`).
        selection: whose rows to take.
        alpha: 1 - level of intervals, threshold of flags.
        variants: cell_key to words that tell apart cells with the same axes.

    Returns:
        The columns of CELL, variant, cell_key, uses_target_labels; n_seeds, n_expected, hole (words, or "");
        score, score_sd, score_half (of the metric); reference, gain, gain_sd, gain_half (percentage points; half widths of the
        interval), basis (`seeds`, or `examples` where all seeds agree), p, p_holm, n_tests, flag; runs_negative,
        runs_positive (runs flagged by themselves).

    Raises:
        ValueError: a cell has a seed twice.
    """
    done = runs[(runs["status"] == "done") & (runs["selection"] == selection)]
    if done.duplicated(["cell_key", "seed"]).any():
        raise ValueError("a cell has two runs of one seed; such a table is not averaged")
    everything = pd.concat([runs[["run_key", "cell_key", "seed", *CELL]], plan], ignore_index=True)
    everything = everything.drop_duplicates("run_key")
    rows = []
    for key, whole in everything.groupby("cell_key", sort=False):
        own = done[done["cell_key"] == key].sort_values("seed")
        bad = runs[(runs["cell_key"] == key) & (runs["status"] != "done")]
        other = runs[(runs["cell_key"] == key) & (runs["status"] == "done")]
        row = {**whole.iloc[0][CELL].to_dict(), "cell_key": key, "variant": (variants or {}).get(str(key), "")}
        numbers = _numbers(own, bad, whole["seed"].nunique(), alpha)
        if own.empty and len(other):
            numbers["hole"] = f"no checkpoint by {selection} under this protocol"
        rows.append({**row, **numbers})
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
    empty = dict.fromkeys(["score", "score_sd", "score_half", "gain", "gain_sd", "gain_half", "p"], np.nan)
    row: dict[str, Any] = {
        **empty,
        "n_seeds": len(own),
        "n_expected": n_expected,
        "uses_target_labels": bool(own["uses_target_labels"].any() if len(own) else bad["uses_target_labels"].any()),
        "hole": _hole(own, n_expected, bad),
        "reference": None,
        "basis": "seeds",
        "runs_negative": int((own["gain_flag"] == "negative").sum()),
        "runs_positive": int((own["gain_flag"] == "positive").sum()),
    }
    if row["hole"]:
        return row
    s = spread((100 * own["score"]).tolist(), alpha)
    row |= {"score": s.mean, "score_sd": s.sd, "score_half": s.half}
    if own["reference"].isna().all():
        return row
    gains = own["gain"].tolist()
    s = spread(gains, alpha)
    row |= {"reference": own["reference"].iloc[0], "gain": s.mean, "gain_sd": s.sd, "gain_half": s.half}
    row["p"] = t_test_p(gains)
    if s.n >= 3 and not s.sd > 1e-9:  # the seeds change nothing: only the test examples are random
        row |= {"basis": "examples", "p": own["gain_p"].max()}
        row["gain_half"] = float((own["gain_high"] - own["gain_low"]).max() / 2)
    return row


def _hole(own: pd.DataFrame, n_expected: int, bad: pd.DataFrame) -> str:
    """What keeps a cell from a mean: runs that are not there, or gains that are not, or not over one reference."""
    if len(own) < n_expected:
        states = [f"{count} {status}" for status, count in bad["status"].value_counts().items()]
        missing = n_expected - len(own) - len(bad)
        return (
            f"{len(own)} of {n_expected} seeds"
            + f" ({', '.join([*states, *([f'{missing} missing'] if missing else [])])})"
        )
    wanted = own["reference"].fillna("none").unique()
    if len(wanted) > 1:
        return f"seeds compared with different references ({', '.join(sorted(wanted))}): run the sweep again"
    if without := int((own["reference"].notna() & own["gain"].isna()).sum()):
        return f"{without} of {n_expected} seeds lack their reference {wanted[0]}"
    return ""


def variant_names(store: RunStore, runs: pd.DataFrame, plans: Planned) -> dict[str, str]:
    """Words for cells that no axis tells apart: the config keys in which they differ, such as `method.weight=2.0`.

    Cells that are planned and have no run yet count too.
    """
    found: dict[str, str] = {}
    every = pd.concat([runs[["run_key", "cell_key", *CELL]], plans.runs[["run_key", "cell_key", *CELL]]])
    for _, same in every.drop_duplicates("cell_key").groupby([*BLOCK, "method"], dropna=False):
        if not same.duplicated("pair").any():
            continue
        configs = {r.cell_key: plans.configs.get(r.cell_key) or store.config(r.run_key) for r in same.itertuples()}
        flat = {cell: _flat(config) for cell, config in configs.items()}
        keys = sorted({k for values in flat.values() for k in values})
        differing = [k for k in keys if len({str(values.get(k)) for values in flat.values()}) > 1]
        for cell, values in flat.items():
            words = ", ".join(f"{k}={values.get(k)}" for k in differing)
            found[str(cell)] = words or f"cell {str(cell)[:6]}"
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
