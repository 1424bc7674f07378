"""Gaussian kernels of arrays, their width, and draws of rows that do not depend on the order in which the rows come."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import euclidean_distances

MOST_ROWS = 2000
"""Rows of which all pairwise distances are looked at for their median; of more, so many."""
FIRST_KEYS = 16
"""Columns by which rows are sorted first: they tell nearly all rows of real features apart, and hundreds take long."""


def log_gaussian(x_ND: np.ndarray, y_MD: np.ndarray, width: float) -> np.ndarray:
    """Return (N, M) -|x - y|^2 / (2 width^2), the logarithm of the Gaussian kernel of each x with each y.

    As one matrix product: differences of all pairs take several times as long. Rows are centred first, for far from 0 the
    small differences of large products would be lost; equal rows may differ by rounding.
    """
    centre_D = y_MD.mean(axis=0)
    return euclidean_distances(x_ND - centre_D, y_MD - centre_D, squared=True) / (-2.0 * width**2)


def median_distance(x_ND: np.ndarray) -> float:
    """Return the median distance of two different rows; their mean distance where that is 0, and 1 where both are."""
    rows_ND = x_ND[sorted_order(x_ND)[:: -(-len(x_ND) // MOST_ROWS)]]
    pairs = pdist(rows_ND)
    return float(np.median(pairs) or pairs.mean() or 1.0)


def sorted_order(x_ND: np.ndarray) -> np.ndarray:
    """Return row numbers such that the rows rise by their last column, of equal ones by the last but one, and so on."""
    order = np.lexsort(x_ND[:, -FIRST_KEYS:].T)
    keys = x_ND[order, -FIRST_KEYS:]
    as_before = np.append(False, (keys[1:] == keys[:-1]).all(axis=1))
    tied = as_before | np.append(as_before[1:], False)
    if tied.any():  # by all columns: the first keys come first among them, so each run of equal ones stays where it is
        order[tied] = order[tied][np.lexsort(x_ND[order[tied]].T)]
    return order


def shuffled_order(x_ND: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return row numbers in a random order of the rows themselves: rows that come in another order get the same draw."""
    return sorted_order(x_ND)[rng.permutation(len(x_ND))]


def drawn_folds(x_ND: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) the fold of each row, 0 to folds - 1, of sizes that differ by one at most; see `shuffled_order`."""
    fold_N = np.empty(len(x_ND), dtype=np.int64)
    fold_N[shuffled_order(x_ND, rng)] = np.arange(len(x_ND)) % folds
    return fold_N
