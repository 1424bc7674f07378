"""What a method is worth in labels: the shots that `target_only` would need for the same score.

See  docs/ranks.md, tlbench/reporting/figures/label_efficiency.py, tests/transfer/test_curves.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import isotonic_regression

RESAMPLES = 2000
BOUNDS = {"above": "more than ", "below": "fewer than ", "": ""}
DIGITS = 9
"""Scores are compared to this many digits after the point, so that rounding makes no method better than its equal."""


@dataclass(frozen=True)
class Worth:
    """Shots per class that `target_only` needs to reach a method's score.

    Attributes:
        needed: shots per class; the end of the measured curve where the score lies beyond it.
        worth: needed - the method's own shots, in labelled examples per class; a bound where `needed` is one.
        bound: `above` (more than `needed`), `below` (fewer than `needed`), or empty: the score lies on the curve.
    """

    needed: float
    worth: float
    bound: str = ""

    def __str__(self) -> str:
        return BOUNDS[self.bound] + f"{self.needed:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class WorthInterval:
    """The worth of mean scores, and the ends of its 1 - alpha interval; no ends with fewer than two seeds."""

    estimate: Worth
    low: Worth | None
    high: Worth | None
    n_seeds: int


def labels_worth(shots_K: np.ndarray, reference_K: np.ndarray, accuracy: float, shots: float) -> Worth:
    """Tell how many shots per class `target_only` needs for `accuracy`, and how many more these are than the method had.

    The curve is made non-decreasing (isotonic regression, least squares) and read linearly between measured points. Where
    it is flat, the fewest shots count. Beyond its ends nothing is extrapolated.

    Args:
        shots_K: (K,) shots per class of the curve, above 0 and increasing, K >= 2; `all` as its mean number per class.
        reference_K: (K,) scores of `target_only` at these shots, any unit.
        accuracy: the method's score, same unit.
        shots: labelled target examples per class that the method had, >= 0.

    Raises:
        ValueError: other shapes, shots out of order or range, a score that is no number.
    """
    shots_K, reference_K = _checked(shots_K, reference_K, np.asarray(accuracy, dtype=np.float64), shots, ndim=1)
    return _worth(_needed(shots_K, reference_K, float(accuracy)), shots_K, shots)


def labels_worth_interval(
    shots_K: np.ndarray,
    reference_SK: np.ndarray,
    accuracy_S: np.ndarray,
    shots: float,
    *,
    alpha: float,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> WorthInterval:
    """Compute `labels_worth` of the means over seeds, with a percentile bootstrap interval over seeds.

    A seed is drawn with its whole curve and its method's score, for they share splits. An end of the interval is a value
    that occurred, so it may be `more than` or `fewer than` an end of the curve.

    Args:
        shots_K, shots: as for `labels_worth`.
        reference_SK: (S, K) scores of `target_only`, one row a seed.
        accuracy_S: (S,) scores of the method with the same seeds in the same order.
        alpha: 1 - level of the interval, in (0, 1).
        rng: where the resamples come from.
        resamples: number of resamples, 1 or more.

    Raises:
        ValueError: as `labels_worth`; numbers of seeds that differ or are 0; alpha or resamples out of range.
    """
    accuracy_S = np.asarray(accuracy_S, dtype=np.float64)
    shots_K, reference_SK = _checked(shots_K, reference_SK, accuracy_S, shots, ndim=2)
    s = len(reference_SK)
    if s == 0 or accuracy_S.shape != (s,):
        raise ValueError(f"Curve and method need the same seeds, got {reference_SK.shape} and {accuracy_S.shape}.")
    if not 0 < alpha < 1 or resamples < 1:
        raise ValueError(f"alpha lies between 0 and 1 and resamples is 1 or more, got {alpha} and {resamples}.")
    estimate = labels_worth(shots_K, reference_SK.mean(axis=0), float(accuracy_S.mean()), shots)
    if s < 2:
        return WorthInterval(estimate, None, None, s)
    drawn_R = _resampled_needs(shots_K, reference_SK, accuracy_S, rng, resamples)
    ends = np.quantile(drawn_R, [alpha / 2, 1 - alpha / 2], method="inverted_cdf")
    low, high = (_worth(float(end), shots_K, shots) for end in ends)
    return WorthInterval(estimate, low, high, s)


def _resampled_needs(
    shots_K: np.ndarray, reference_SK: np.ndarray, accuracy_S: np.ndarray, rng: np.random.Generator, resamples: int
) -> np.ndarray:
    """Return (R,) shots needed with seeds drawn again. Few seeds make few different draws: each is worked out once."""
    s = len(accuracy_S)
    counts_US, times_U = np.unique(rng.multinomial(s, np.full(s, 1 / s), resamples), axis=0, return_counts=True)
    curves_UK, accuracies_U = counts_US @ reference_SK / s, counts_US @ accuracy_S / s
    needed = [_needed(shots_K, curve, a) for curve, a in zip(curves_UK, accuracies_U, strict=True)]
    return np.repeat(needed, times_U)


def _needed(shots_K: np.ndarray, reference_K: np.ndarray, accuracy: float) -> float:
    """Return the shots at which the monotone curve reaches the score first; -inf below its start, inf above its end."""
    curve_K = np.round(isotonic_regression(reference_K), DIGITS)
    accuracy = round(accuracy, DIGITS)
    if accuracy < curve_K[0]:
        return -np.inf
    if accuracy > curve_K[-1]:
        return np.inf
    j = max(1, int(np.searchsorted(curve_K, accuracy)))
    rise = curve_K[j] - curve_K[j - 1]
    part = (accuracy - curve_K[j - 1]) / rise if rise > 0 else 0.0
    return float(shots_K[j - 1] + part * (shots_K[j] - shots_K[j - 1]))


def _worth(needed: float, shots_K: np.ndarray, shots: float) -> Worth:
    end = float(min(max(needed, shots_K[0]), shots_K[-1]))
    bound = "above" if needed == np.inf else "below" if needed == -np.inf else ""
    return Worth(end, end - shots, bound)


def _checked(
    shots_K: np.ndarray, reference: np.ndarray, accuracy: np.ndarray, shots: float, *, ndim: int
) -> tuple[np.ndarray, np.ndarray]:
    shots_K, reference = np.asarray(shots_K, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if shots_K.ndim != 1 or len(shots_K) < 2 or reference.ndim != ndim or reference.shape[-1] != len(shots_K):
        raise ValueError(
            f"A curve needs two or more shots and a score at each, got {shots_K.shape} and {reference.shape}."
        )
    if not np.isfinite(shots_K).all() or shots_K[0] <= 0 or (np.diff(shots_K) <= 0).any():
        raise ValueError(f"The curve's shots are above 0 and increase, got {shots_K.tolist()}.")
    if not np.isfinite(shots) or shots < 0:
        raise ValueError(f"The method's shots are 0 or more, got {shots}.")
    if not (np.isfinite(reference).all() and np.isfinite(accuracy).all()):
        raise ValueError("Every score of the curve and of the method must be a number.")
    return shots_K, reference
