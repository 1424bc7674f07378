"""Closed forms from the singular values of the features alone, so that no D x D matrix is formed."""

from __future__ import annotations

import numpy as np

ROUNDS = 200
"""Steps of LogME's fixed point at most; it ends before where nothing moves by more than a millionth."""


def log_evidence(power_K1: np.ndarray, along_KC: np.ndarray, beyond_C: np.ndarray, n: int) -> np.ndarray:
    """Return (C,) the log evidence at the fixed point of L = alpha / beta.

    Args:
        power_K1: squared singular values of the features.
        along_KC: squared parts of the indicators along the left singular vectors.
        beyond_C: squared part outside of them.
    """
    scale = power_K1.max() if power_K1.max() > 0 else 1.0
    ratio_C = np.full(along_KC.shape[1], scale)
    for _ in range(ROUNDS):
        kept_KC = power_K1 / (power_K1 + ratio_C)
        gamma_C = kept_KC.sum(axis=0)
        weight_C = (kept_KC * along_KC / (power_K1 + ratio_C)).sum(axis=0)
        residual_C = (np.square(1 - kept_KC) * along_KC).sum(axis=0) + beyond_C
        with np.errstate(divide="ignore", invalid="ignore"):
            new_C = gamma_C / weight_C * residual_C / (n - gamma_C)
        new_C = np.clip(np.where(np.isnan(new_C), np.inf, new_C), 1e-12 * scale, 1e12 * scale)
        moved, ratio_C = np.abs(np.log(new_C / ratio_C)).max(), new_C
        if moved < 1e-6:
            break
    noise_C = ((along_KC * ratio_C / (power_K1 + ratio_C)).sum(axis=0) + beyond_C) / n
    return -n / 2 * (np.log(2 * np.pi * noise_C) + 1) - np.log1p(power_K1 / ratio_C).sum(axis=0) / 2


def ledoit_wolf(squared_norm_N: np.ndarray, power_K: np.ndarray, width: int) -> tuple[float, float]:
    """Return the shrinkage in [0, 1] and the mean variance, from norms of centred examples and squared singular values alone.

    Source: Ledoit & Wolf, J. Multivariate Analysis 2004, lemma 3.2 to 3.4 (m, d^2, b^2); equal to scikit-learn's, which
    forms a D x D matrix. 0 where the covariance is a multiple of the identity already.
    """
    n = len(squared_norm_N)
    mean_variance = squared_norm_N.sum() / n / width
    covariance2 = np.square(power_K / n).sum()
    apart = covariance2 - width * mean_variance**2
    noise = (np.square(squared_norm_N).sum() / n - covariance2) / n
    return float(np.clip(noise / apart, 0.0, 1.0)) if apart > 1e-12 * covariance2 else 0.0, float(mean_variance)
