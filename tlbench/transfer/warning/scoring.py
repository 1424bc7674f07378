"""How good a warning was, where target labels are known afterwards: order, calibration, and what obeying it was worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

BINS = 10
RESAMPLES = 1000
LEVEL = 0.95
EVEN = 0.5
"""Probability of a gain below 0 from which on the policy keeps the reference."""

Statistic = Callable[[np.ndarray], float]
"""From row numbers, some of them several times, to a number; NaN where it is not defined."""


@dataclass(frozen=True)
class Estimate:
    """A number with a 95 % interval from resampled groups."""

    value: float
    low: float
    high: float

    def told(self, form: str = ".2f") -> str:
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"


def auroc(hurt_N: np.ndarray, probability_N: np.ndarray) -> float:
    """Compute the area under the ROC curve of gains below 0; NaN where all or none are.

    It is Mann and Whitney's statistic over the number of pairs; ranks take a twentieth of the time of a curve, and an interval
    asks a thousand times.
    """
    hurt_N = np.asarray(hurt_N, bool)
    n, k = len(hurt_N), int(hurt_N.sum())
    if not 0 < k < n:
        return float("nan")
    return float((rankdata(probability_N)[hurt_N].sum() - k * (k + 1) / 2) / (k * (n - k)))


def brier(hurt_N: np.ndarray, probability_N: np.ndarray) -> float:
    """Compute the mean squared difference of probability and outcome, 0 to 1."""
    return float(np.square(np.asarray(probability_N) - np.asarray(hurt_N, float)).mean())


def reliability(hurt_N: np.ndarray, probability_N: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return (B, 3): mean probability, share that was hurt, and number of rows of each of up to `bins` equally filled bins."""
    order = np.argsort(probability_N, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(len(order), 1))) if len(part)]
    p, y = np.asarray(probability_N, float), np.asarray(hurt_N, float)
    return np.array([[p[part].mean(), y[part].mean(), len(part)] for part in parts]).reshape(-1, 3)


def calibration_error(hurt_N: np.ndarray, probability_N: np.ndarray, bins: int = BINS) -> float:
    """Compute the expected calibration error: mean over rows of |share hurt - mean probability| of their bin, 0 to 1."""
    table = reliability(hurt_N, probability_N, bins)
    return float(np.abs(table[:, 0] - table[:, 1]) @ table[:, 2] / table[:, 2].sum())


def policy_gain(gain_N: np.ndarray, probability_N: np.ndarray, groups_N: np.ndarray, threshold: float = EVEN) -> float:
    """Compute the mean gain of who adapts where the probability is below the threshold, else keeps the reference; groups alike.

    Args:
        gain_N: points; the reference's is 0.
        groups_N: every group counts the same, however many rows it has.
    """
    return group_mean(obeyed(gain_N, probability_N, threshold), groups_N)


def obeyed(gain_N: np.ndarray, probability_N: np.ndarray, threshold: float = EVEN) -> np.ndarray:
    """Return the gain of each row where the probability is below the threshold, else 0: the reference is kept."""
    return np.where(np.asarray(probability_N) < threshold, gain_N, 0.0)


def group_mean(values_N: np.ndarray, groups_N: np.ndarray) -> float:
    """Return the mean over groups of their means."""
    _, place = np.unique(np.asarray(groups_N).astype(str), return_inverse=True)
    return float((np.bincount(place, values_N) / np.bincount(place)).mean())


def interval(statistic: Statistic, clusters_N: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Return a statistic of all rows with its percentile interval over resampled clusters.

    Rows of one cluster (methods on one pair, say) are not independent, so clusters are drawn whole.
    """
    names, place = np.unique(np.asarray(clusters_N).astype(str), return_inverse=True)
    members, rng = [np.flatnonzero(place == c) for c in range(len(names))], np.random.default_rng(seed)
    drawn = [
        statistic(np.concatenate([members[c] for c in rng.integers(0, len(names), len(names))]))
        for _ in range(resamples)
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail]) if np.isfinite(drawn).any() else (float("nan"), float("nan"))
    return Estimate(statistic(np.arange(len(place))), float(low), float(high))
