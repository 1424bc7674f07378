"""From an estimated density ratio to weights that a classifier can be fitted with."""

from __future__ import annotations

import numpy as np

LEAST = 1e-3
"""Of the mean: a class whose weights are all about zero would vanish from the fit."""
HALVINGS = 50


def effective_share(weights_N: np.ndarray) -> float:
    """Return (sum w)^2 / (N sum w^2) in (0, 1]: the effective sample size over the number of examples (Kish's)."""
    return float(weights_N.sum() ** 2 / (len(weights_N) * np.square(weights_N).sum()))


def tamed_weights(ratio_N: np.ndarray, *, cap: float, min_ess: float) -> tuple[np.ndarray, float]:
    """Return weights of mean 1 that no few examples have to themselves, and the exponent that they were flattened by.

    In this order: the least weight is 1e-3 of the mean; w becomes w^g with the largest g in [0, 1] at which the effective share
    is `min_ess` or more (g is the exponent of Shimodaira, J. Statistical Planning and Inference 2000); no weight is above `cap`
    while the mean is 1. The first step makes the other two possible: zeros stay zeros under any g, and where less than 1 / cap
    of the weights are above zero, none of mean 1 are below the cap.

    Args:
        ratio_N: finite, >= 0, not all 0; only ratios of entries count.
        cap: > 1.
        min_ess: in [0, 1].

    Raises:
        ValueError: a value is out of range.
    """
    if (
        not (np.isfinite(ratio_N).all() and (ratio_N >= 0).all() and ratio_N.any())
        or not cap > 1
        or not 0 <= min_ess <= 1
    ):
        raise ValueError(
            f"tamed_weights needs a ratio that is finite, >= 0 and not all 0, cap > 1 and min_ess in [0, 1], got a ratio in "
            f"[{ratio_N.min()}, {ratio_N.max()}], cap={cap} and min_ess={min_ess}."
        )
    weights_N = np.maximum(ratio_N / ratio_N.mean(), LEAST)
    exponent = flattening(weights_N, min_ess)
    return capped(weights_N**exponent, cap), exponent


def flattening(weights_N: np.ndarray, min_ess: float) -> float:
    """Return the largest g in [0, 1] at which w^g, w > 0, has an effective share of `min_ess` or more: the share falls with g."""
    if effective_share(weights_N) >= min_ess:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if effective_share(weights_N**middle) >= min_ess else (low, middle)
    return low


def capped(weights_N: np.ndarray, cap: float) -> np.ndarray:
    """Return min(c w, cap) with the c > 0 that makes the mean 1; w > 0 and cap > 1, so there is one."""
    n, falling_N = len(weights_N), np.sort(weights_N)[::-1]
    at_cap_N = np.arange(n)
    room_N = n - cap * at_cap_N  # what is left for the others where the k largest are at the cap
    factor_N = room_N / np.cumsum(falling_N[::-1])[::-1]
    k = int(np.argmax((room_N > 0) & (factor_N * falling_N <= cap)))
    return np.minimum(factor_N[k] * weights_N, cap)
