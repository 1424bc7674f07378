"""The gain of one run by a statistic that is no mean over examples, such as HOS: a function of the classes' recalls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tlbench.seeds import stream
from tlbench.transfer.gain import Gain, flag

SWAPS = 19_999
"""Draws of the sampled test."""
EXTRA = 1.0
"""Groups added to each class where an error is estimated, as Agresti and Caffo (2000) add four examples to two proportions; one
kept the level in simulations with ten examples of a class."""
Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Right answers (R, C) and examples (C,) of each class to values (R,) in [0, 1]; nan where there are none to tell."""
Slopes = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Right answers (C,) and examples (C,) of each class to the statistic's derivatives by their recalls (C,)."""


@dataclass(frozen=True)
class Groups:
    """G groups of examples of C classes: examples, right answers of one run and of the other, (G, C) each."""

    count: np.ndarray
    right: np.ndarray
    other: np.ndarray

    @classmethod
    def of(cls, labels_N: np.ndarray, right_N: np.ndarray, other_N: np.ndarray, groups_N: np.ndarray) -> Groups:
        _, index_N = np.unique(groups_N, return_inverse=True)
        shape = int(index_N.max()) + 1, int(labels_N.max()) + 1
        place_N = index_N * shape[1] + labels_N
        counted = (np.bincount(place_N, w, shape[0] * shape[1]) for w in (np.ones(len(labels_N)), right_N, other_N))
        return cls(*(values.reshape(shape) for values in counted))

    def difference(self, value: Statistic) -> float:
        """Return the statistic of the one run minus that of the other."""
        one, other = value(np.stack([self.right.sum(axis=0), self.other.sum(axis=0)]), self.count.sum(axis=0))
        return float(one - other)


def paired_statistic(
    value: Statistic,
    slopes: Slopes,
    labels_N: np.ndarray,
    right_N: np.ndarray,
    other_right_N: np.ndarray,
    groups_N: np.ndarray,
    *,
    alpha: float,
    margin: float = 0.0,
    seed: int = 0,
) -> Gain:
    """Compare two runs on the same test examples by a statistic of their right answers in each class.

    The interval is Student's around the estimate, by the delta method (`spread`). p is the larger of that of the same t and that
    of swapping the two runs' answers group by group, (1 + draws at least as far from 0) / (1 + draws). Swaps alone test whether
    the runs can be exchanged, and reject where they differ in kind at one and the same HOS; the t alone is no exact test
    of few examples. Exchanging the runs gives the mirror image of all numbers.

    Args:
        value: the statistic.
        slopes: its derivatives.
        labels_N: (N,) classes.
        right_N, other_right_N: (N,) whether each prediction of the run, and of its reference, is right.
        groups_N: (N,) group of each example; whole groups are swapped, and the spread is over them.
        alpha, margin, seed: as in `paired_gain`.

    Raises:
        ValueError: the statistic has no value for these examples.
    """
    groups = Groups.of(labels_N, right_N, other_right_N, groups_N)
    found = groups.difference(value)
    if np.isnan(found):
        raise ValueError("The statistic has no value for these examples.")
    error, freedom = (0.0, 1.0) if np.array_equal(groups.right, groups.other) else spread(slopes, groups)
    p = _swap_p(value, groups, found, seed)
    if error > 0:
        p = max(p, float(2 * stats.t.sf(abs(found) / error, freedom)))
    half = float(error * stats.t.ppf(1 - alpha / 2, freedom)) if error > 0 else 0.0
    gain, low, high = (100.0 * end + 0.0 for end in (found, max(found - half, -1.0), min(found + half, 1.0)))  # no -0
    said = flag(gain, p, alpha, small=-margin < low <= high < margin)
    return Gain(gain, low, high, p, said, len(labels_N), len(groups.count))


def spread(slopes: Slopes, groups: Groups, extra: float = EXTRA) -> tuple[float, float]:
    """Return the standard error of the difference and its degrees of freedom; 0 and 1 where nothing can vary.

    To first order the difference moves by what each group's answers differ from their classes' recalls, times the slopes. The
    classes are strata of given size: each has its own recalls, so its squares are divided by its groups less one, and the degrees
    of freedom are Welch's and Satterthwaite's.

    Args:
        extra: groups of mean size that are added to each class, a quarter of them for each of the four ways in which two runs can
            be right or wrong. Of a few examples all may happen to agree, which does not say that others would.
    """
    count_C = groups.count.sum(axis=0)
    n_C = (groups.count > 0).sum(axis=0)
    size_C = count_C / np.maximum(n_C, 1)  # of a group in the mean
    total_C, free_C = np.maximum(count_C + extra * size_C, 1), np.maximum(n_C + extra - 1, 1)
    moved_GC, more_4C = np.zeros_like(groups.count), np.zeros((4, len(count_C)))
    for sign, right_GC, ways_4 in ((1, groups.right, (1, 1, 0, 0)), (-1, groups.other, (1, 0, 1, 0))):
        right_C = right_GC.sum(axis=0)
        per_example_C = sign * slopes(right_C, count_C) / total_C
        recall_C = (right_C + extra * size_C / 2) / total_C
        moved_GC += per_example_C * (right_GC - groups.count * recall_C)
        more_4C += per_example_C * (np.array(ways_4)[:, None] - recall_C) * size_C
    scale_C = (n_C + extra) / free_C
    moved_GC *= np.sqrt(scale_C)
    more_C = scale_C * extra * np.square(more_4C).mean(axis=0)
    of_class_C = np.square(moved_GC).sum(axis=0) + more_C
    if not of_class_C.any():
        return 0.0, 1.0
    freedom = of_class_C.sum() ** 2 / (of_class_C**2 / np.maximum(n_C - 1, 1)).sum()
    return float(np.sqrt(np.square(moved_GC.sum(axis=1)).sum() + more_C.sum())), float(freedom)


def _swap_p(value: Statistic, groups: Groups, found: float, seed: int) -> float:
    """Sample the two-sided p-value; groups that a swap changes alike are drawn together, as a binomial number of swaps."""
    # drawn on one side of zero, so that the other run's number is the same
    groups, (kinds_KC, counts_K) = max(
        ((side, _kinds(side)) for side in (groups, Groups(groups.count, groups.other, groups.right))),
        key=lambda side: [part.tolist() for part in side[1]],
    )
    swapped_RK = stream(seed, "swaps").binomial(counts_K, 0.5, (SWAPS, len(counts_K)))
    moved_RC = swapped_RK.astype(np.float64) @ kinds_KC
    count_C = groups.count.sum(axis=0)
    one_R, other_R = (
        value(part.sum(axis=0) + s * moved_RC, count_C) for part, s in ((groups.right, 1), (groups.other, -1))
    )
    return float((1 + (np.abs(one_R - other_R) >= abs(found) - 1e-12).sum()) / (1 + SWAPS))


def _kinds(groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Return (K, C) the kinds of change that a swap of one group makes, in order, and how many there are of each, (K,)."""
    moved_GC = groups.other - groups.right
    return np.unique(moved_GC[moved_GC.any(axis=1)], axis=0, return_counts=True)
