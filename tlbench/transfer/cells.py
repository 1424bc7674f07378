"""The gain of a cell: runs over seeds, corrected for the number of cells looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tlbench.transfer.gain import flag

FEWEST_SEEDS = 3


@dataclass(frozen=True)
class Spread:
    """n values in short: mean, sd with n - 1, half width of the t interval (nan for n < 2)."""

    n: int
    mean: float
    sd: float
    half: float


def spread(values: Sequence[float], alpha: float) -> Spread:
    """Mean, sd (n - 1) and half width of the 1 - alpha t interval of the mean."""
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n == 0:
        return Spread(0, np.nan, np.nan, np.nan)
    if n == 1:
        return Spread(1, float(x[0]), np.nan, np.nan)
    sd = float(x.std(ddof=1))
    return Spread(n, float(x.mean()), sd, float(stats.t.ppf(1 - alpha / 2, n - 1)) * sd / np.sqrt(n))


def t_test_p(values: Sequence[float]) -> float:
    """Two-sided p-value of mean 0 over seeds; nan where fewer than three seeds or no spread leave no test."""
    s = spread(values, 0.05)
    if s.n < FEWEST_SEEDS or not s.sd > 1e-9:
        return float("nan")
    return float(stats.ttest_1samp(np.asarray(values, dtype=np.float64), 0.0).pvalue)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's step-down correction over those p-values that are numbers; nan stays nan."""
    p = np.asarray(p_values, dtype=np.float64)
    corrected, known = np.full(len(p), np.nan), ~np.isnan(p)
    if known.any():
        corrected[known] = multipletests(p[known], method="holm")[1]
    return corrected


def cell_flag(gain: float, p_corrected: float, n_seeds: int, alpha: float) -> str:
    """As `flag`, but `few seeds` where fewer than three seeds leave nothing to say."""
    if n_seeds < FEWEST_SEEDS:
        return "few seeds"
    return flag(gain, p_corrected, alpha)
