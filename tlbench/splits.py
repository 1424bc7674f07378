"""Row numbers of a split, and how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Row numbers, one array per source domain and bridge, one for the target; `fit` rows are those a transform may look at:
    of a bridge all that are kept."""

    source_train: list[np.ndarray]
    source_val: list[np.ndarray]
    source_fit: list[np.ndarray]
    target_unlabelled: np.ndarray
    target_shots: np.ndarray
    target_test: np.ndarray
    target_fit: np.ndarray
    bridges: tuple[np.ndarray, ...] = ()


def split_by_group(
    pool: np.ndarray, groups: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return (held out, rest): `share` of the pool's groups, rounded, drawn without a look at any label; sorted rows."""
    names = np.unique(groups[pool])
    held = rng.permutation(names)[: round(share * len(names))]
    is_held = np.isin(groups[pool], held)
    return pool[is_held], pool[~is_held]


def kept_rows(rows: np.ndarray, size: int | None, total: int, rng: np.random.Generator) -> np.ndarray:
    """Keep `size` of these rows, sorted: the first ones in a random order of all `total` rows of their domain, so that another
    size or another split moves few of them. All rows where size is None or more than there are."""
    if size is None:
        return rows
    order = rng.permutation(total)
    return np.sort(order[np.isin(order, rows)][:size])


def thinned_rows(rows: np.ndarray, labels: np.ndarray, shares_C: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep as many of these rows, sorted, as can have the given class shares, but 2 of each class, or 1 of a class of 1.

    Args:
        labels: of all rows of the domain, which are put in a random order; a class keeps the first of its own.
        shares_C: share of each class, summing to 1 over the classes of the domain.
    """
    order = rng.permutation(len(labels))
    order = order[np.isin(order, rows)]
    order = order[np.argsort(labels[order], kind="stable")]
    has_C = np.bincount(labels[order], minlength=len(shares_C))
    scarcest = (shares_C[has_C > 0] / has_C[has_C > 0]).max(initial=0.0)
    most = 1.0 / scarcest if scarcest > 0 else 0.0
    # the class that sets the number keeps all of its rows, also where the product is a rounding error below them
    keep_C = np.minimum(has_C, np.maximum(2, np.floor(most * shares_C + 1e-9))).astype(np.int64)
    place = np.arange(len(order)) - (np.cumsum(has_C) - has_C)[labels[order]]
    return np.sort(order[place < keep_C[labels[order]]])


def without(rows: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return `rows` without those of `before` that are not in `after`; sorted."""
    return np.setdiff1d(rows, np.setdiff1d(before, after))
