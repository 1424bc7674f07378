"""Curves over what a protocol grants: labelled target examples, unlabelled ones, source examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tlbench.findings.names import method_name
from tlbench.findings.rule import Rule
from tlbench.seeds import stream
from tlbench.transfer.crossed_gain import spread
from tlbench.transfer.curves import labels_worth_interval

AXES = {
    "shots": "labelled target examples per class",
    "n_target": "unlabelled target examples",
    "n_source": "source examples per domain",
    "n_source_per_class": "source examples per class",
}
SAME = ["dataset", "pair", "backbone", "classifier", "metric"]
TARGET_ONLY = "target_only"


@dataclass(frozen=True)
class Axis:
    """Cells that differ in one thing that their protocol grants, and in the method."""

    name: str
    title: str
    cells: pd.DataFrame


def axes_of(cells: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]]) -> list[Axis]:
    """Return every axis along which the store has two points or more, by pair and recipe; `cells` gain columns x, x_order."""
    found: list[Axis] = []
    known = cells[(cells["hole"] == "") & cells["cell_key"].isin(list(configs))]
    for name in AXES:
        # cells of before class shares could be drawn are those of shares as they are
        grants = [{"source_shares": None, "source": "given", **configs[key]["protocol"]} for key in known["cell_key"]]
        # of objects: 50 stays 50 beside None
        values = pd.Series([grant.pop(name, None) for grant in grants], known.index, dtype=object)
        table = known.assign(value=values, rest=[json.dumps(grant, sort_keys=True) for grant in grants])
        if name in ("n_target", "n_source"):
            table["value"] = table["value"].fillna("all")
        table = table[table["value"].notna()]
        for key, same in table.groupby([*SAME, "rest"], sort=False):
            if same["value"].astype(str).nunique() < 2:
                continue
            order = same["value"].replace("all", np.nan).astype(float)
            own = same.assign(x=same["value"].astype(str), x_order=order.fillna(order.max() + 1))
            title = " · ".join(map(str, (*key[:-1], str(same["protocol"].iloc[0]).split(",")[0])))
            found.append(Axis(name, title, own.sort_values(["method", "x_order"])))
    return found


def curve_table(axis: Axis, runs: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return the table that the figure draws: method, x, x_order, score, score_half, gain, gain_half, seeds.

    The gain is over source_only at every point, so that the points of a curve compare; over target_only see the tables above.
    """
    done = runs[(runs["status"] == "done") & (runs["selection"] == rule.selection)]
    rows = []
    for cell in axis.cells.itertuples():
        own = done[done["cell_key"] == cell.cell_key]
        gains = own["gain_over_source_only"].dropna().tolist() if "gain_over_source_only" in own else []
        gain, seeds = spread(gains, rule.alpha), (100 * own.sort_values("seed")["score"]).tolist()
        score = (cell.x, cell.x_order, cell.score, cell.score_half)
        rows.append((method_name(cell), *score, gain.mean, gain.half, seeds, cell.cell_key))
    columns = ["method", "x", "x_order", "score", "score_half", "gain", "gain_half", "seeds", "cell_key"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates(["method", "x"])


def worth(axis: Axis, curve: pd.DataFrame, runs: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Tell how many labelled target examples per class each point of a label-efficiency curve is worth, by `target_only`'s."""
    shots = _shots_per_class(curve, runs)
    reference = curve[(curve["method"] == TARGET_ONLY) & (shots > 0)]
    own_all = shots[reference.index[reference["x"] == "all"]].max()  # nan: not there
    # a count that small classes cannot give is no point of its own: `all` is as many
    reference = reference[(reference["x"] == "all") | ~(shots[reference.index] >= own_all)]
    seeds = {len(s) for s in curve["seeds"]}
    if len(reference) < 2 or len(seeds) != 1:
        return pd.DataFrame()
    shots_K, reference_SK = shots[reference.index].to_numpy(), np.array(reference["seeds"].tolist()).T
    rows = []
    for point in curve[curve["method"] != TARGET_ONLY].itertuples():
        rng, own = stream(0, "worth", str(point.method), str(point.x)), float(shots[point.Index])
        if np.isnan(own):
            continue
        found = labels_worth_interval(shots_K, reference_SK, np.array(point.seeds), own, alpha=rule.alpha, rng=rng)
        ends = "" if found.low is None or found.high is None else f"{found.low} to {found.high}"
        estimate = found.estimate
        rows.append((point.method, point.x, point.score, str(estimate), ends, estimate.worth, estimate.bound))
    return pd.DataFrame(rows, columns=["method", "shots", "accuracy", "needed", "interval", "worth", "bound"])


def _shots_per_class(curve: pd.DataFrame, runs: pd.DataFrame) -> pd.Series:
    """Return the mean number per class; that of `all` from the sizes of the runs, over the classes of their shots."""
    sizes = curve["cell_key"].map(runs.drop_duplicates("cell_key").set_index("cell_key")["n_shots"]).astype(float)
    shots = curve["x"].replace("all", np.nan).astype(float)
    n_classes = (sizes / shots)[shots > 0].median()
    return shots.fillna(sizes / n_classes)
