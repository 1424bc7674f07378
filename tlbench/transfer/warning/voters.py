"""Other classifiers, learnt from the labelled source in a model's features, that are asked about the target's examples."""

from __future__ import annotations

import numpy as np

from tlbench.transfer.features import standardised_pair
from tlbench.transfer.unit_ridge import unit_ridge

NEIGHBOURS = 5
DIGITS = 9
"""Of squared distances over the largest square of a row."""
AT_ONCE = 1024
VOTERS = ("neighbours", "ridge", "means")


def nearest(target_TD: np.ndarray) -> np.ndarray:
    """Return the rows of the up to 5 target examples nearest to each, (T, K), itself left out."""
    return closest(target_TD, target_TD, min(NEIGHBOURS, len(target_TD) - 1), itself=False)


def closest(x_ND: np.ndarray, y_MD: np.ndarray, k: int, *, itself: bool = True) -> np.ndarray:
    """Return the rows of the k examples of y that are nearest to each of x, (N, k); of equally near ones the first.

    Libraries leave the order of ties to rounding, which differs with where arrays lie in memory, and features of ReLUs often are
    all 0: so distances are compared after rounding.

    Args:
        itself: whether row i of y may be a neighbour of row i of x.
    """
    centre = y_MD.mean(axis=0, dtype=np.float64)
    x, y = x_ND.astype(np.float64) - centre, y_MD.astype(np.float64) - centre
    sizes_M, found = np.square(y).sum(axis=1), []
    scale = max(float(sizes_M.max()), float(np.square(x).sum(axis=1).max()), np.finfo(np.float64).tiny)
    for start in range(0, len(x), AT_ONCE):
        part = x[start : start + AT_ONCE]
        far_PM = np.round((np.square(part).sum(axis=1)[:, None] + sizes_M - 2 * part @ y.T) / scale, DIGITS)
        if not itself:
            rows = np.arange(len(part))
            far_PM[rows, start + rows] = np.inf
        found.append(_smallest(far_PM, k))
    return np.concatenate(found)


def _smallest(far_PM: np.ndarray, k: int) -> np.ndarray:
    """Return the columns of the k smallest of each row, of equal ones the first; overwrites them. Few, so no row is sorted."""
    rows, found_PK = np.arange(len(far_PM)), np.empty((len(far_PM), k), dtype=np.int64)
    for place in range(k):
        found_PK[:, place] = far_PM.argmin(axis=1)
        far_PM[rows, found_PK[:, place]] = np.inf
    return found_PK


def votes(
    source_SD: np.ndarray,
    labels_S: np.ndarray,
    target_TD: np.ndarray,
    standard: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return the class that each of VOTERS gives to each target example.

    neighbours: most frequent class of the 5 nearest source examples, features as they are.
    ridge: ridge regression onto the classes' signs (penalty 1), standardised columns over sqrt(D).
    means: nearest class mean, standardised columns.

    Args:
        source_SD, labels_S: (S, D) features and (S,) classes.
        target_TD: (T, D).
        standard: both with standardised columns, by `standardised_pair`; worked out here where they are not given.

    Returns:
        (T,) classes each; every voter says the one class where the source has no other.
    """
    classes = np.unique(labels_S)
    if len(classes) == 1:
        return {name: np.full(len(target_TD), classes[0]) for name in VOTERS}
    source, target = standard or standardised_pair(*(np.asarray(x, np.float64) for x in (source_SD, target_TD)))
    width = np.sqrt(source.shape[1])
    signs_SC = np.where(np.equal.outer(labels_S, classes), 1.0, -1.0)
    weights_DC, intercept_C = unit_ridge(source / width, signs_SC)
    means_CD = np.stack([source[labels_S == name].mean(axis=0) for name in classes])
    near_TK = labels_S[closest(target_TD, source_SD, min(NEIGHBOURS, len(source_SD)))]
    counts_TC = np.stack([(near_TK == name).sum(axis=1) for name in classes], axis=1)
    return {
        "neighbours": classes[counts_TC.argmax(axis=1)],
        "ridge": classes[(target / width @ weights_DC + intercept_C).argmax(axis=1)],
        "means": classes[(np.square(means_CD).sum(axis=1) - 2 * target @ means_CD.T).argmin(axis=1)],
    }
