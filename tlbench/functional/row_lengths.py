"""Rows of features as arrays."""

from __future__ import annotations

import numpy as np


def unit_rows(x_ND: np.ndarray) -> np.ndarray:
    """Divide each row by its Euclidean length; a row of zeros stays."""
    length_N = np.linalg.norm(x_ND, axis=1, keepdims=True)
    return np.divide(x_ND, length_N, out=np.zeros_like(x_ND, dtype=np.float64), where=length_N > 0)


def root_mean_square(x_ND: np.ndarray) -> float:
    """Return the root mean square length of rows."""
    return float(np.sqrt(np.square(x_ND).sum(axis=1).mean()))
