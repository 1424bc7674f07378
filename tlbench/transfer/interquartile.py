"""Several seeds on several pairs in one number: the interquartile mean.

Source  Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021,
        arXiv:2108.13264, sections 4.1 and 4.3
See     docs/ranks.md, tests/transfer/test_interquartile.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import trim_mean

RESAMPLES = 2000
AT_ONCE = 10_000_000
"""Numbers that the bootstrap holds in memory at a time; resamples beyond come in turns."""

Runs = np.ndarray | Sequence[np.ndarray]
"""Scores of a method: (S, P) seeds by pairs, or one array of seeds a pair where pairs have different numbers of seeds."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its 1 - alpha percentile interval; the ends are nan where a pair has a single seed."""

    estimate: float
    low: float
    high: float


def interquartile_mean(
    scores_SP: Runs, *, alpha: float, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """Compute the mean of the middle half of all runs, in the scores' unit, with a stratified bootstrap interval.

    A quarter of the runs, rounded down, is cut at either end. Runs of all pairs count alike, so a pair with fewer seeds
    counts less. Seeds are resampled within each pair; the interval is about new seeds on these pairs, not about new pairs.

    Args:
        scores_SP: (S, P) scores of one method, or P arrays of seeds.
        alpha: 1 - level of the interval, in (0, 1).
        rng: where the resamples come from.
        resamples: number of resamples, 1 or more.

    Raises:
        ValueError: no pair, a pair without seeds, a score that is no number, alpha or resamples out of range.
    """
    pairs = _by_pair(scores_SP)
    if not 0 < alpha < 1 or resamples < 1:
        raise ValueError(f"alpha lies between 0 and 1 and resamples is 1 or more, got {alpha} and {resamples}.")
    estimate = float(trim_mean(np.concatenate(pairs), 0.25))
    if min(map(len, pairs)) < 2:
        return Interval(estimate, np.nan, np.nan)
    most = max(1, AT_ONCE // sum(map(len, pairs)))
    turns = [min(most, resamples - done) for done in range(0, resamples, most)]
    drawn_R = np.concatenate([trim_mean(_resample(pairs, rng, r), 0.25, axis=1) for r in turns])
    low, high = np.quantile(drawn_R, [alpha / 2, 1 - alpha / 2])
    return Interval(estimate, float(low), float(high))


def _resample(pairs: list[np.ndarray], rng: np.random.Generator, resamples: int) -> np.ndarray:
    """Draw the seeds of each pair again, pair after pair: (R, runs)."""
    return np.concatenate([x[rng.integers(len(x), size=(resamples, len(x)))] for x in pairs], axis=1)


def _by_pair(scores: Runs) -> list[np.ndarray]:
    if isinstance(scores, np.ndarray):
        if scores.ndim != 2:
            raise ValueError(f"Scores are (seeds, pairs) or one array a pair, got shape {scores.shape}.")
        scores = list(scores.T)
    pairs = [np.asarray(x, dtype=np.float64) for x in scores]
    if not pairs or any(x.ndim != 1 or len(x) == 0 for x in pairs):
        raise ValueError(f"Each of one or more pairs needs a row of one or more seeds, got {[x.shape for x in pairs]}.")
    bad = [i for i, x in enumerate(pairs) if not np.isfinite(x).all()]
    if bad:
        raise ValueError(f"Every run needs a score, lacking on pairs number {bad} (from 0).")
    return pairs
