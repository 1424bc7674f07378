"""Fits the warning's model on cells of the atlas: additive in its signals, and monotone where a signal has a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from tlbench.transfer.warning.model import Step, WarningModel
from tlbench.transfer.warning.signals import AGAINST, FOR

PREFIX = "signal_"
CONSENSUS = ("others_votes", "others_lead")
VOTES = tuple(name for name in FOR if name.endswith(("_votes", "_lead")))
VALIDATORS = ("iwv", "dev", "entropy", "diversity", "im", "bnm", "snd", "class_cluster", "mixval", "circular")
SETS = {
    "votes": (*VOTES, *AGAINST),
    "votes and validators": (*VOTES, *AGAINST, *VALIDATORS),
    "all": (*FOR, *AGAINST),
}
"""Signals that a model may look at; which of these sets it does is chosen by cells that it has not seen."""
ROUNDS = (60, 150)
RATE, LEAVES, FEWEST, RIDGE, PIECES = 0.06, 4, 30, 5.0, 48


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted: the set of signals and the rounds of boosting."""

    signals: str
    rounds: int


RECIPES = [Recipe(name, rounds) for name in SETS for rounds in ROUNDS]


def hurt(cells: pd.DataFrame) -> np.ndarray:
    """Return which cells have a gain below 0, (N,) bool."""
    return (cells["gain"] < 0).to_numpy()


def weights(cells: pd.DataFrame) -> np.ndarray:
    """Return a weight a cell, 1 on average, so that every family of data counts the same."""
    n = cells["data_family"].map(cells["data_family"].value_counts()).to_numpy(float)
    return len(cells) / (n * cells["data_family"].nunique())


def fit_model(cells: pd.DataFrame, recipe: Recipe, version: str) -> WarningModel:
    """Fit a model to cells of the atlas: boosted trees without interactions are a sum of one step function a signal.

    Args:
        cells: of `atlas_cells`, with columns `signal_NAME`.
    """
    names, trees = fit_trees(cells, recipe)
    missing = np.full((1, len(names)), np.nan)
    bias = float(trees.decision_function(missing)[0])
    seen = table_of(cells, names)
    steps = {name: _step(trees, seen[:, i], i, len(names), bias) for i, name in enumerate(names)}
    return WarningModel(version, bias, {name: step for name, step in steps.items() if any(step.values)})


def fit_trees(cells: pd.DataFrame, recipe: Recipe) -> tuple[list[str], HistGradientBoostingClassifier]:
    """Fit boosted trees to cells; return the signals that they look at, in the order of their columns, and the trees.

    Each cell is there twice, with the votes of other methods and without, so that one model serves a method that was tried alone
    too.
    """
    names = [name for name in SETS[recipe.signals] if cells.get(PREFIX + name, pd.Series(dtype=float)).notna().any()]
    with_others = table_of(cells, names)
    without = with_others.copy()
    without[:, [name in CONSENSUS for name in names]] = np.nan
    x, y, w = np.concatenate([with_others, without]), np.tile(hurt(cells), 2), np.tile(weights(cells), 2)
    trees = HistGradientBoostingClassifier(
        max_iter=recipe.rounds, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=FEWEST, l2_regularization=RIDGE,
        interaction_cst="no_interactions", monotonic_cst=[direction(name) for name in names], max_bins=PIECES,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    return names, trees.fit(x, y, sample_weight=w)


def table_of(cells: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """Return (N, S) signals by their names; NaN where one is missing."""
    return cells.reindex(columns=[PREFIX + name for name in names]).to_numpy(float)


def direction(name: str) -> int:
    """Return how the probability of a gain below 0 may move with a signal: -1 down, 1 up."""
    return 1 if name in AGAINST else -1


def _step(trees: HistGradientBoostingClassifier, seen_N: np.ndarray, place: int, width: int, bias: float) -> Step:
    """Return the part of a signal in an additive model: its values at what was seen, put together where they are alike."""
    points = np.unique(seen_N[np.isfinite(seen_N)])
    rows = np.full((len(points), width), np.nan)
    rows[:, place] = points
    values = trees.decision_function(rows) - bias
    change = np.flatnonzero(np.abs(np.diff(values)) > 1e-9)
    edges = (points[change] + points[change + 1]) / 2
    return Step([float(edge) for edge in edges], [float(v) for v in values[np.append(change, len(values) - 1)]])
