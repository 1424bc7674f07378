"""How often methods hurt and by how much, with data families alike: a family of many pairs has no more say than one of two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tlbench.atlas.atlas_cells import ALPHA
from tlbench.transfer.crossed_gain import spread

WORST = 0.05
FEWEST = 3
"""Families of data below which an interval over them says nothing: of two it is thirteen standard errors wide."""


def harm(cells: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return how often and how much the cells of each group hurt.

    Args:
        cells: of `atlas_cells`.
        by: columns that make a group; none: all are one.

    Returns:
        by; cells, families (numbers); below (share of cells with a gain below 0, in %, mean over data families), below_half (half
        width of its 95 % t interval over FEWEST families or more); hurt, helped (shares beyond noise, in %, likewise); gain,
        gain_half (points, likewise); worst (5 % quantile of the gain over all cells). The greatest share below 0 first.
    """
    names = list(by)
    table = cells.assign(
        below=100.0 * (cells["gain"] < 0),
        hurt=100.0 * (cells["verdict"] == "hurt"),
        helped=100.0 * (cells["verdict"] == "helped"),
    )
    rows = []
    for key, own in table.groupby(names, sort=False) if names else [((), table)]:
        means = own.groupby("data_family")[["below", "hurt", "helped", "gain"]].mean()
        found = {name: spread(means[name].tolist(), ALPHA) for name in ("below", "gain")}
        told = {name: value.mean for name, value in found.items()}
        halves = {f"{name}_half": value.half if len(means) >= FEWEST else np.nan for name, value in found.items()}
        beyond = {name: means[name].mean() for name in ("hurt", "helped")}
        counts = {"cells": len(own), "families": len(means), "worst": own["gain"].quantile(WORST)}
        rows.append({**dict(zip(names, key, strict=True)), **counts, **told, **halves, **beyond})
    return pd.DataFrame(rows).sort_values("below", ascending=False, ignore_index=True) if rows else pd.DataFrame()


def gains_by_place(cells: pd.DataFrame, row: str = "method", column: str = "data_family") -> pd.DataFrame:
    """Return mean gains (points), a row a method and a column a family of data; nan where nothing was tried."""
    return cells.pivot_table(index=row, columns=column, values="gain", aggfunc="mean", sort=True)


def policies(cells: pd.DataFrame) -> pd.DataFrame:
    """Return what never adapting, always adapting and knowing the sign beforehand score, in % with data families alike.

    Returns:
        policy, score, over_never and over_never_half (points; 95 % t interval over families, nan for never adapting itself).
    """
    scores = pd.DataFrame({
        "data_family": cells["data_family"], "never": 100 * cells["reference_score"], "always": 100 * cells["score"],
        "ORACLE": 100 * cells[["reference_score", "score"]].max(axis=1),
    }).groupby("data_family").mean()  # fmt: skip
    rows = []
    for name in scores:
        over = spread((scores[name] - scores["never"]).tolist(), ALPHA)
        rows.append((name, scores[name].mean(), over.mean, over.half if name != "never" else float("nan")))
    return pd.DataFrame(rows, columns=["policy", "score", "over_never", "over_never_half"])
