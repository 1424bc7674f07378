"""The gain of a cell: seeds and test examples are both random, each crossed with the other.

Model: y_su = gain + a_s + b_u + e_su, the difference (run right minus reference right) with seed s on test unit u (an example,
or a group of examples that belong together). a_s is what a seed does to all examples (initialisation, order, draw of the
source), b_u what the two methods do differently on an example whatever the seed, e_su the rest. The variance of the mean is

    V = V_seeds + V_units,   V_seeds = (variance of the seeds' gains) / S,   V_units = overlap * max(0, covariance) / U

with the covariance of two seeds' differences over their common units. The t test over seeds leaves V_units out: it takes the test
examples as given, and says too much about others. Each part has degrees of freedom of its own: S - 1, and for V_units, a
difference of two mean squares, Satterthwaite's (few where it is hardly more than noise). The quantile is the mean of the
parts' quantiles weighted by the parts (Cochran & Cox, Experimental Designs, 1950), which keeps the level where
Satterthwaite's degrees of freedom for the whole and a hierarchical bootstrap do not with three seeds
(results/calibration/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.stats import false_discovery_control

from tlbench.transfer.gain import flag

FEWEST_SEEDS = 3
CORRECTIONS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}


@dataclass(frozen=True)
class Spread:
    """n values in short: mean, sd with n - 1, half width of the t interval (nan for n < 2)."""

    mean: float
    sd: float
    half: float


def spread(values: Sequence[float], alpha: float) -> Spread:
    """Return mean, sd (n - 1) and half width of the 1 - alpha t interval of the mean."""
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 2:
        return Spread(float(x[0]) if n else np.nan, np.nan, np.nan)
    sd = float(x.std(ddof=1))
    return Spread(float(x.mean()), sd, float(special.stdtrit(n - 1, 1 - alpha / 2)) * sd / np.sqrt(n))


@dataclass(frozen=True)
class Crossed:
    """The gain of a cell and the two parts of its variance (points, points squared).

    Attributes:
        gain: mean over seeds.
        seed_var: V_seeds; 0 only where no seed changes anything on any example.
        unit_var: V_units.
        n_seeds, n_units: S, and the mean number of units that a seed is tested on.
        unit_df: degrees of freedom of unit_var, 1 to U - 1; None for U - 1.
    """

    gain: float
    seed_var: float
    unit_var: float
    n_seeds: int
    n_units: float
    unit_df: float | None = None


def crossed(difference_SU: np.ndarray, weight_SU: np.ndarray, expected_SU: np.ndarray | None = None) -> Crossed:
    """Estimate the model above from the differences of a cell.

    Args:
        difference_SU: (S, U) sum of the weighted differences of each unit, 0 where a seed was not tested on it.
        weight_SU: (S, U) weight of each unit for each seed, 0 where it was not tested on it; each row has a positive sum.
            The gain of a seed is the sum of its differences over that of its weights.
        expected_SU: (S, U) the differences if all examples of a class did as their mean does, from which a unit's own effect is
            counted; None: if all examples did. Right where the estimate is a function of the classes' means (delta method).

    Raises:
        ValueError: shapes differ, or a seed has no weight.
    """
    total_S, shapes = weight_SU.sum(axis=1), (difference_SU.shape, weight_SU.shape)
    if shapes[0] != shapes[1] or not (total_S > 0).all():
        raise ValueError(f"crossed needs equal shapes and a unit for each seed, got {shapes[0]}, {shapes[1]}.")
    share_SU, seen_SU = weight_SU / total_S[:, None], weight_SU > 0
    part_SU = 100.0 * difference_SU / total_S[:, None]
    gain_S, seeds = part_SU.sum(axis=1), len(part_SU)
    n_units = float(seen_SU.sum(axis=1).mean())
    if seeds < 2:
        return Crossed(float(gain_S[0]), np.nan, np.nan, seeds, n_units)
    same_SU = share_SU * gain_S[:, None] if expected_SU is None else 100.0 * expected_SU / total_S[:, None]
    centred_SU = part_SU - same_SU
    between, everything = float(centred_SU.sum(axis=0) @ centred_SU.sum(axis=0)), float((centred_SU**2).sum())
    across = (between - everything) / (seeds * (seeds - 1))
    unit_var = max(0.0, across) * n_units / max(n_units - 1, 1.0)
    still = bool((seen_SU == seen_SU[0]).all() and np.allclose(part_SU, part_SU[0], atol=1e-12, rtol=0))
    # a seed's gain is a multiple of 1/n: equal gains of three seeds are a coincidence of rounding, no sign of no spread
    rounding = (100.0 / n_units) ** 2 / 12
    seed_var = 0.0 if still else (float(gain_S.var(ddof=1)) + rounding) / seeds
    unit_df = _unit_df(between / seeds, everything - between / seeds, seeds, n_units)
    return Crossed(float(gain_S.mean()), seed_var, unit_var, seeds, n_units, unit_df)


def _unit_df(between: float, within: float, seeds: int, units: float) -> float:
    """Return Satterthwaite's degrees of freedom of a difference of mean squares, units minus rest, from their sums of squares."""
    most = max(units - 1, 1.0)
    ratio = between * (seeds - 1) / within if within > 1e-12 * between else np.inf
    if not np.isfinite(ratio):
        return most  # nothing but units differs, or nothing at all
    return float(min(max(max(ratio - 1, 0.0) ** 2 * most / (ratio**2 + 1 / (seeds - 1)), 1.0), most))


def half_width(cells: Sequence[Crossed], alpha: float) -> np.ndarray:
    """Return the half width of the 1 - alpha interval of each gain (points); nan with one seed."""
    return _critical(np.full(len(cells), alpha / 2), *_parts(cells))


def p_above(cells: Sequence[Crossed], distance: np.ndarray) -> np.ndarray:
    """Return the one-sided p-value of a deviation of `distance` points (>= 0) from the true gain; nan below three seeds.

    The level at which the critical value equals the distance, by bisection.
    """
    parts = _parts(cells)
    low, high = np.full(len(cells), -320.0), np.full(len(cells), np.log10(0.5))
    for _ in range(60):
        middle = (low + high) / 2
        beyond = distance > _critical(10.0**middle, *parts)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    p = np.where(distance > 0, 10.0**high, 0.5)
    p = np.where((parts[0] + parts[1] == 0) & (distance > 0), 0.0, p)
    return np.where([c.n_seeds < FEWEST_SEEDS for c in cells], np.nan, p)


def _parts(cells: Sequence[Crossed]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return seed_V, unit_V, seed_df and unit_df of `_critical`."""
    values = np.array(
        [(c.seed_var, c.unit_var, c.n_seeds - 1, c.n_units - 1 if c.unit_df is None else c.unit_df) for c in cells]
    ).reshape(-1, 4)
    return values[:, 0], values[:, 1], np.maximum(values[:, 2], 1), np.maximum(values[:, 3], 1)


def _critical(
    tail: np.ndarray, seed_V: np.ndarray, unit_V: np.ndarray, seed_df: np.ndarray, unit_df: np.ndarray
) -> np.ndarray:
    """Return the deviation exceeded with probability `tail` on one side: Cochran and Cox's weighted quantile times sqrt(V)."""
    total = seed_V + unit_V
    seed_t, unit_t = -special.stdtrit(seed_df, tail), -special.stdtrit(unit_df, tail)
    with np.errstate(invalid="ignore"):
        weighted = np.where(seed_V > 0, seed_V * seed_t, 0.0) + np.where(unit_V > 0, unit_V * unit_t, 0.0)
        deviation = np.where(total > 0, weighted / np.sqrt(np.where(total > 0, total, 1)), 0.0)
    return np.where(np.isnan(total), np.nan, deviation)


def corrected(p_values: Sequence[float], method: str) -> np.ndarray:
    """Correct p-values over those that are numbers (nan stays nan): `holm` (family-wise error) or `bh` (false discoveries)."""
    p = np.asarray(p_values, dtype=np.float64)
    found, known = np.full(len(p), np.nan), ~np.isnan(p)
    if method not in CORRECTIONS:
        raise ValueError(f"Unknown correction {method!r}. Known: {', '.join(CORRECTIONS)}.")
    if known.any():
        found[known] = _holm(p[known]) if method == "holm" else false_discovery_control(p[known], method="bh")
    return found


def _holm(p: np.ndarray) -> np.ndarray:
    """Correct by Holm's procedure: the k-th smallest of n times n - k + 1, made monotone."""
    # Holm, A simple sequentially rejective multiple test procedure, 1979. statsmodels has it, and sweeps Python's garbage at
    # each call: a quarter of a second beside a large report
    order = np.argsort(p, kind="stable")
    found = np.empty(len(p))
    found[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return found


def cell_flag(gain: float, p_corrected: float, p_small: float, n_seeds: int, alpha: float) -> str:
    """Flag as `gain.flag` does, but `few_seeds` where fewer than three seeds leave nothing to say.

    Args:
        p_small: corrected p-value of the hypothesis that the gain is outside the margin (two one-sided tests).
    """
    if n_seeds < FEWEST_SEEDS:
        return "few_seeds"
    return flag(gain, p_corrected, alpha, small=p_small < alpha)
