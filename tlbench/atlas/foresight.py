"""Would one have known? How well what is measured without target labels tells the cells with a gain below 0 from the others.

Each candidate gets its direction on the other families of data: a large A-distance may warn in one and reassure in another, and
who stands before new data does not know which.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlbench.atlas.atlas_cells import ALPHA
from tlbench.transfer.crossed_gain import spread
from tlbench.transfer.warning.scoring import auroc

FEWEST = 5
"""Cells of either kind that a family needs."""


def candidates(cells: pd.DataFrame) -> pd.DataFrame:
    """Return what could warn, a column each, by the rows' index: distances of the pair, each validator of the method minus that
    of its reference, signals of the warning. What starts with `oracle_` looks at target labels."""
    found = {}
    for column in cells:
        kind, _, name = str(column).partition("_")
        if kind == "distance" or (
            kind == "signal" and f"validator_{name}" not in cells
        ):  # those are the difference below
            found[f"{kind} {name}"] = cells[column]
        elif kind == "validator" and (other := f"reference_{column}") in cells:
            found[f"validator {name} (difference)"] = cells[column] - cells[other]
    return pd.DataFrame(found, index=cells.index).astype(float)


def foresight(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the area under the ROC curve of each candidate for `gain < 0`, directions learnt on the other families of data.

    The base rate of a method (the share of cells of the other families that it hurt) stands among the candidates.

    Returns:
        candidate, auroc (mean over the families left out in turn), auroc_half (95 % t interval over them), beyond_noise (the
        same over the cells whose gain is beyond noise), families, cells; the best first.
    """
    known = candidates(cells)
    table = [_row(name, cells[known[name].notna()], known[name].dropna()) for name in known]
    table.append(_row("base rate of the method", cells, None))
    names = ["candidate", "auroc", "auroc_half", "beyond_noise", "families", "cells"]
    found = pd.DataFrame([row for row in table if row is not None], columns=names)
    return found.sort_values("auroc", ascending=False, ignore_index=True)


def _row(name: str, cells: pd.DataFrame, values: pd.Series | None) -> tuple[object, ...] | None:
    by_family = left_out(cells, values)
    if len(by_family) < 2:
        return None
    sure = cells[cells["verdict"] != "open"]
    beyond = left_out(sure, values)
    told = spread(list(by_family.values()), ALPHA)
    return (
        name,
        told.mean,
        told.half,
        float(np.mean(list(beyond.values()))) if beyond else np.nan,
        len(by_family),
        len(cells),
    )


def left_out(cells: pd.DataFrame, values: pd.Series | None) -> dict[str, float]:
    """Return the area of each family of data that has cells enough, the direction learnt on the others.

    Args:
        values: of the candidate, by the cells' index; None: the method's base rate on the others.
    """
    below = cells["gain"] < 0
    own = None if values is None else values[cells.index]
    found = {}
    for family in cells["data_family"].unique():
        mine = cells["data_family"] == family
        if min(below[mine].sum(), (~below[mine]).sum()) < FEWEST or below[~mine].nunique() < 2:
            continue
        score = _base_rates(cells, below, mine) if own is None else own * _direction(own[~mine], below[~mine])
        found[str(family)] = auroc(below[mine].to_numpy(), score[mine].to_numpy())
    return found


def _direction(values: pd.Series, below: pd.Series) -> int:
    return 1 if auroc(below.to_numpy(), values.to_numpy()) >= 0.5 else -1


def _base_rates(cells: pd.DataFrame, below: pd.Series, mine: pd.Series) -> pd.Series:
    rates = below[~mine].groupby(cells.loc[~mine, "method"]).mean()
    return cells["method"].map(rates).fillna(below[~mine].mean())
