"""The gain of one run by a statistic that is no mean over examples, such as HOS: it is worked out anew in each resample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tlbench.seeds import stream
from tlbench.transfer.gain import RESAMPLES, Gain, flag

SWAPS = 19_999
"""Draws of the sampled test."""
Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Right answers (R, C) and examples (C,) or (R, C) of each class to values (R,); nan where there are none to tell."""


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

    def swapped(self) -> Groups:
        return Groups(self.count, self.other, self.right)

    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (K, 3 C) the kinds of group that there are, in order, and how many of each, (K,)."""
        return np.unique(np.concatenate([self.count, self.right, self.other], axis=1), axis=0, return_counts=True)

    def differences(self, value: Statistic) -> float:
        """Return the statistic of the one run minus that of the other."""
        count_C, rights_2C = self.count.sum(axis=0), np.stack([self.right.sum(axis=0), self.other.sum(axis=0)])
        one, other = value(rights_2C, count_C)
        return float(one - other)


def paired_statistic(
    value: Statistic,
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

    The interval is a paired percentile bootstrap over groups. p is that of swapping the two runs' answers group by group, which
    under the hypothesis of no difference changes nothing: (1 + draws at least as far from 0) / (1 + draws). Exchanging the runs
    gives the mirror image of all numbers.

    Args:
        value: the statistic.
        labels_N: (N,) classes.
        right_N, other_right_N: (N,) whether each prediction of the run, and of its reference, is right.
        groups_N: (N,) group of each example; whole groups are resampled, and swapped in the test.
        alpha, margin, seed: as in `paired_gain`.

    Raises:
        ValueError: the statistic has no value for these examples.
    """
    groups = Groups.of(labels_N, right_N, other_right_N, groups_N)
    one, other = groups.kinds(), groups.swapped().kinds()
    sides = [(kinds.tolist(), counts.tolist()) for kinds, counts in (one, other)]
    # drawn on one side of zero, so that the other run's numbers are the mirror image of these
    sign, (kinds_K, counts_K) = (1, one) if sides[0] >= sides[1] else (-1, other)
    turned = groups if sign > 0 else groups.swapped()
    found = turned.differences(value)
    if np.isnan(found):
        raise ValueError("The statistic has no value for these examples.")
    p = _swap_p(value, turned, found, seed)
    low, high = sorted(sign * end for end in _interval(value, kinds_K, counts_K, alpha, seed))
    if sides[0] == sides[1]:  # its own mirror image
        low, high = -(high - low) / 2, (high - low) / 2
    gain = 100.0 * sign * found + 0.0  # no -0
    said = flag(gain, p, alpha, small=-margin < low <= high < margin)
    return Gain(gain, low, high, p, said, len(labels_N), len(groups.count))


def _interval(
    value: Statistic, kinds_K: np.ndarray, counts_K: np.ndarray, alpha: float, seed: int
) -> tuple[float, float]:
    """Bootstrap 100 times the difference, over groups drawn by kind; resamples without a value are left out."""
    drawn_RK = stream(seed, "bootstrap").multinomial(counts_K.sum(), counts_K / counts_K.sum(), RESAMPLES)
    count_RC, right_RC, other_RC = np.split(drawn_RK.astype(np.float64) @ kinds_K, 3, axis=1)
    gains_R = 100.0 * (value(right_RC, count_RC) - value(other_RC, count_RC))
    low, high = np.nanquantile(gains_R, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def _swap_p(value: Statistic, groups: Groups, found: float, seed: int) -> float:
    """Sample the two-sided p-value; groups that a swap changes alike are drawn together, as a binomial number of swaps."""
    moved_GC = groups.other - groups.right
    kinds_KC, counts_K = np.unique(moved_GC[moved_GC.any(axis=1)], axis=0, return_counts=True)
    swapped_RK = stream(seed, "swaps").binomial(counts_K, 0.5, (SWAPS, len(counts_K)))
    moved_RC = swapped_RK.astype(np.float64) @ kinds_KC
    count_C = groups.count.sum(axis=0)
    one_R, other_R = (
        value(part.sum(axis=0) + s * moved_RC, count_C) for part, s in ((groups.right, 1), (groups.other, -1))
    )
    return float((1 + (np.abs(one_R - other_R) >= abs(found) - 1e-12).sum()) / (1 + SWAPS))
