"""The warning on data that it has not seen: one part of the atlas left out at a time, everything chosen on the others."""

from __future__ import annotations

import hashlib
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from tlbench.atlas.atlas_cells import atlas_cells, default_cells
from tlbench.atlas.warning_card import Trial
from tlbench.atlas.warning_fit import (
    CONSENSUS,
    PREFIX,
    RECIPES,
    ROUNDS,
    SETS,
    Recipe,
    fit_model,
    fit_trees,
    hurt,
    table_of,
    weights,
)
from tlbench.errors import TlbenchError
from tlbench.transfer.warning.model import WarningModel
from tlbench.transfer.warning.scoring import auroc

TRIED = "trial"
FAMILIES = 3
"""Families of data below which nothing can be left out twice."""
FEWEST = 20
"""Cells that a part needs to be left out by itself inside a fold."""


def probabilities(model: WarningModel, cells: pd.DataFrame, *, alone: bool = False) -> np.ndarray:
    """Return the model's probability for each cell, (N,).

    Args:
        alone: as if no other method had been tried: without the votes of others.
    """
    names = [name for name in model.steps if not (alone and name in CONSENSUS)]
    table = table_of(cells, names)
    return np.array([model.probability(dict(zip(names, row, strict=True))) for row in table])


def left_out(cells: pd.DataFrame, recipe: Recipe, by: str = "data_family") -> np.ndarray:
    """Return the probability of each cell, (N,), by a model of this recipe that was fitted without its part."""
    found = np.full(len(cells), np.nan)
    for part in cells[by].unique():
        mine = (cells[by] == part).to_numpy()
        found[mine] = probabilities(fit_model(cells[~mine], recipe, TRIED), cells[mine])
    return found


def left_out_recipes(cells: pd.DataFrame, by: str) -> dict[Recipe, np.ndarray]:
    """Return what `left_out` does for every recipe; of one set of signals the fewer rounds are the first of the most."""
    found = {recipe: np.full(len(cells), np.nan) for recipe in RECIPES}
    for part, signals in product(cells[by].unique(), SETS):
        mine = (cells[by] == part).to_numpy()
        names, trees = fit_trees(cells[~mine], Recipe(signals, max(ROUNDS)))
        for n, odds in enumerate(trees.staged_decision_function(table_of(cells[mine], names)), start=1):
            if n in ROUNDS:
                found[Recipe(signals, n)][mine] = expit(odds)
    return found


def chosen_model(cells: pd.DataFrame, version: str, by: str = "data_family") -> tuple[WarningModel, Recipe]:
    """Choose the recipe by parts of these cells left out in turn, fit it to all of them, and calibrate it by those same turns.

    The recipe is that of the highest area under the ROC curve, in the mean over parts. Slope and shift of the log odds are those
    of a logistic regression on the log odds of cells left out, in which every family of data counts the same.
    """
    tried = left_out_recipes(cells, by)
    best = max(RECIPES, key=lambda recipe: _mean_area(cells, tried[recipe], by))
    odds = logit(tried[best])[:, None]
    line = LogisticRegression(C=1e6).fit(odds, hurt(cells), sample_weight=weights(cells))
    slope = max(
        float(line.coef_[0, 0]), 0.05
    )  # a warning that does worse than chance inside is next to none, not turned round
    return fit_model(cells, best, version).calibrated(slope, float(line.intercept_[0])), best


def blind(cells: pd.DataFrame, by: str = "data_family") -> tuple[pd.DataFrame, dict[str, Recipe]]:
    """Return probabilities of all cells, each by a model chosen, fitted and calibrated without its part, and the recipes.

    Returns:
        probability, alone (without other methods' votes), by the cells' index; and the recipe of each part left out.
    """
    found, recipes = pd.DataFrame(index=cells.index, columns=["probability", "alone"], dtype=float), {}
    for part in cells[by].unique():
        mine = (cells[by] == part).to_numpy()
        model, recipes[str(part)] = chosen_model(cells[~mine], TRIED, by)
        found.loc[mine, "probability"] = probabilities(model, cells[mine])
        found.loc[mine, "alone"] = probabilities(model, cells[mine], alone=True)
    return found, recipes


def _mean_area(cells: pd.DataFrame, p_N: np.ndarray, by: str) -> float:
    """Return the mean over parts of their areas, and of the area over all: parts are to be told apart from one another too."""
    y, parts = hurt(cells), cells[by].to_numpy()
    sizes = cells[by].value_counts()
    areas = [auroc(y[parts == part], p_N[parts == part]) for part in sizes.index[sizes >= FEWEST]]
    return float((np.nanmean(areas) + auroc(y, p_N)) / 2)


def fitting_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of an atlas that a warning can be fitted to: with defaults, of methods that left signals.

    Raises:
        TlbenchError: they are of too few families of data.
    """
    cells = default_cells(atlas_cells(rows)) if len(rows) else rows
    lead = f"{PREFIX}disagreement"
    cells = cells[cells[lead].notna()].reset_index(drop=True) if lead in cells else cells[:0]
    if (n := cells["data_family"].nunique() if len(cells) else 0) < FAMILIES:
        raise TlbenchError(
            f"The warning is fitted to {FAMILIES} families of data or more, and this atlas has {n} with signals."
        )
    return cells


def tried(cells: pd.DataFrame) -> Trial:
    """Fit the model that is shipped, and try such models on families of data, and on methods, that they have not seen."""
    told, recipes = blind(cells)
    model, recipe = chosen_model(cells, version_of(cells))
    told["other_method"] = left_out(cells, recipe, "method")
    return Trial(model, recipe, cells.join(told), recipes)


def version_of(cells: pd.DataFrame) -> str:
    """Return a name of what the model was fitted to: cells, families of data, and a hash of which ones with which gains."""
    what = pd.util.hash_pandas_object(cells[["cell_key", "gain"]].sort_values("cell_key"), index=False).to_numpy()
    mark = hashlib.sha256(what.tobytes()).hexdigest()[:6]
    return f"{len(cells)} cells, {cells['data_family'].nunique()} families, {mark}"
