"""Would a distance have told the gain beforehand? Rank correlation over pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import permutation_test, rankdata

FEWEST_PAIRS = 5
RESAMPLES = 1000
PERMUTATIONS = 999


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation over pairs.

    Attributes:
        rho: -1 to 1; below 0 where the gain falls as the distance grows. nan where a side does not vary.
        low, high: interval of level 1 - alpha, percentile bootstrap over pairs; nan for fewer than five pairs.
        p: two-sided permutation p-value of no relation, exact for up to seven pairs; nan for fewer than five pairs.
        n: pairs with a distance and a gain.
    """

    rho: float
    low: float
    high: float
    p: float
    n: int


def predicts_gain(
    distance_P: Sequence[float | None], gain_P: Sequence[float | None], *, alpha: float, rng: np.random.Generator
) -> Correlation:
    """Spearman correlation of a distance with a gain over pairs.

    Args:
        distance_P, gain_P: (P,) one number a pair; a pair with None, nan or an infinite number is left out.
        alpha: 1 - level of the interval.
        rng: draws the bootstrap and the permutations.

    Raises:
        ValueError: lengths differ, or alpha is not between 0 and 1.
    """
    x_P, y_P = np.array(distance_P, dtype=np.float64), np.array(gain_P, dtype=np.float64)
    if x_P.shape != y_P.shape or x_P.ndim != 1 or not 0 < alpha < 1:
        raise ValueError(f"Expected two lists of one length and 0 < alpha < 1, got {x_P.shape}, {y_P.shape}, {alpha}.")
    known_P = np.isfinite(x_P) & np.isfinite(y_P)
    x_P, y_P = x_P[known_P], y_P[known_P]
    n, rho = len(x_P), float(_spearman(x_P, y_P)) if known_P.any() else np.nan
    if n < FEWEST_PAIRS or np.isnan(rho):
        return Correlation(rho, np.nan, np.nan, np.nan, n)
    low, high = _interval(x_P, y_P, alpha, rng)
    return Correlation(rho, low, high, _permutation_p(x_P, y_P, rng), n)


def _spearman(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Pearson correlation of ranks along the axis; nan where a side does not vary."""
    rx, ry = rankdata(x, axis=axis), rankdata(y, axis=axis)
    rx, ry = rx - rx.mean(axis=axis, keepdims=True), ry - ry.mean(axis=axis, keepdims=True)
    size = np.sqrt(np.square(rx).sum(axis=axis) * np.square(ry).sum(axis=axis))
    return np.divide((rx * ry).sum(axis=axis), size, out=np.full_like(size, np.nan), where=size > 0)


def _interval(x_P: np.ndarray, y_P: np.ndarray, alpha: float, rng: np.random.Generator) -> tuple[float, float]:
    """Percentile bootstrap over pairs; resamples in which a side does not vary say nothing and are left out.

    (scipy's bootstrap has no interval once one resample is left out, which is common among five pairs.)
    """
    chosen_RP = rng.integers(len(x_P), size=(RESAMPLES, len(x_P)))
    low, high = np.nanquantile(_spearman(x_P[chosen_RP], y_P[chosen_RP]), [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def _permutation_p(x_P: np.ndarray, y_P: np.ndarray, rng: np.random.Generator) -> float:
    found = permutation_test(
        (x_P,),
        lambda x, axis=-1: _spearman(x, np.broadcast_to(y_P, x.shape), axis=axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        rng=rng,
    )
    return float(found.pvalue)
