"""Calibration of class probabilities on held-out examples: one temperature, and a bias for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class BiasedTemperature:
    """The map of probabilities p to softmax(scale ln p + bias); scale is one over the temperature."""

    scale: float
    bias_K: np.ndarray

    def __call__(self, says_NK: np.ndarray) -> np.ndarray:
        """Map (N, K) rows that sum to 1 to such rows."""
        return softmax(self.scale * _logs(says_NK) + self.bias_K, axis=1)


def fit_temperature(says_NK: np.ndarray, labels_N: np.ndarray, *, ridge: float = 1e-3) -> BiasedTemperature:
    """Return the map with the least cross-entropy on these examples, which the classifier must not have been trained on: bias-
    corrected temperature scaling (Alexandari, Kundaje & Shrikumar, ICML 2020, section 3).

    At the optimum the mean of the calibrated probabilities is the labels' shares, but for the ridge.

    Args:
        says_NK: (N, K) probabilities; zeros count as the least positive number.
        labels_N: (N,) columns.
        ridge: weight of |bias|^2 + (scale - 1)^2 beside the sum of cross-entropies, so that examples without any error have a
            finite solution.
    """
    logs_NK, n, k = _logs(says_NK), *says_NK.shape
    truth_NK = np.eye(k)[labels_N]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        log_NK = log_softmax(theta[0] * logs_NK + theta[1:], axis=1)
        error_NK, away = np.exp(log_NK) - truth_NK, theta - start
        gradient = np.concatenate([[(error_NK * logs_NK).sum()], error_NK.sum(axis=0)])
        return (ridge / 2 * away @ away - log_NK[np.arange(n), labels_N].sum()) / n, (gradient + ridge * away) / n

    start = np.concatenate([[1.0], np.zeros(k)])
    bounds = [(0, None)] + [(None, None)] * k
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-9}
    )
    return BiasedTemperature(float(found.x[0]), found.x[1:])


def _logs(says_NK: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(says_NK, TINY))
