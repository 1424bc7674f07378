"""How much each of several sources counts: from its error and its distance from the target."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq


def darn_weights(losses_K: np.ndarray, tau: float) -> np.ndarray:
    """Return (K,) weights a = [nu - L / tau]_+, over their sum, with nu such that the part above zero has length 1.

    Paper: Wen, Greiner & Schuurmans, Domain Aggregation Networks for Multi-Source Domain Adaptation, ICML 2020,
    arXiv:1909.05352, eq. 8. tau -> infinity: equal weights; tau -> 0: the source of least loss alone.

    Raises:
        ValueError: tau is not above 0.
    """
    if not tau > 0:
        raise ValueError(f"tau must be above 0, got {tau}.")
    scaled_K = losses_K / tau - np.min(losses_K) / tau
    nu = brentq(lambda nu: np.linalg.norm(np.maximum(nu - scaled_K, 0.0)) - 1.0, 0.0, scaled_K.max() + 1.0, xtol=1e-14)
    above_K = np.maximum(nu - scaled_K, 0.0)
    return above_K / above_K.sum()


def softmin_weights(losses_K: np.ndarray, tau: float) -> np.ndarray:
    """Return (K,) weights proportional to exp(-L / tau); the same two limits.

    Raises:
        ValueError: tau is not above 0.
    """
    if not tau > 0:
        raise ValueError(f"tau must be above 0, got {tau}.")
    odds_K = np.exp(-(losses_K - losses_K.min()) / tau)
    return odds_K / odds_K.sum()


def squared_mean_distance(xs_ND: np.ndarray, xt_MD: np.ndarray) -> float:
    """Return the squared distance of the means over the mean squared length of both samples about their common mean: the MMD
    of the linear kernel on a scale of its own, in [0, 1]."""
    both_PD = np.concatenate([xs_ND, xt_MD])
    spread = np.square(both_PD - both_PD.mean(axis=0)).sum(axis=1).mean()
    gap = np.square(xs_ND.mean(axis=0) - xt_MD.mean(axis=0)).sum()
    n, m = len(xs_ND), len(xt_MD)
    return float(gap / spread * n * m / (n + m) ** 2) if spread > 0 else 0.0
