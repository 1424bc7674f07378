"""What is done to the inputs of a domain before any method sees them.

Each takes (inputs, rows): statistics come from `rows` only, which the protocol names; all inputs are transformed.
"""

from __future__ import annotations

import numpy as np

from tlbench.data.inputs import Inputs, as_rows


def row_l1(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Divide each example by its sum of absolute values; an all-zero example stays zero."""
    x_ND = as_rows(inputs)
    total_N: np.ndarray = np.asarray(abs(x_ND).sum(axis=1)).ravel()
    scale_N = np.divide(1.0, total_N, out=np.zeros_like(total_N), where=total_N > 0)
    return x_ND.multiply(scale_N[:, None]).tocsr() if hasattr(x_ND, "multiply") else x_ND * scale_N[:, None]


def row_l2(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """Divide each example by its Euclidean length; an all-zero example stays zero. Source: Long et al., ICCV 2013."""
    x_ND = as_rows(inputs)
    squares = x_ND.multiply(x_ND) if hasattr(x_ND, "multiply") else np.square(x_ND, dtype=np.float64)
    length_N = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    scale_N = np.divide(1.0, length_N, out=np.zeros_like(length_N), where=length_N > 0)
    return x_ND.multiply(scale_N[:, None]).tocsr() if hasattr(x_ND, "multiply") else x_ND * scale_N[:, None]


def zscore(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Bring each feature to mean 0 and population standard deviation 1 over `rows`, a constant one to 0.

    Source: preprocessing of Gong et al., CVPR 2012, and Sun et al., AAAI 2016, per domain.
    """
    x_ND = as_rows(inputs)
    x_ND = x_ND if isinstance(x_ND, np.ndarray) else x_ND.toarray()
    mean_D, sd_D = x_ND[rows].mean(axis=0), x_ND[rows].std(axis=0)
    return np.divide(x_ND - mean_D, sd_D, out=np.zeros_like(x_ND), where=sd_D > 1e-12)


def channel_zscore(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Bring each channel of (N, C, ...) to mean 0 and standard deviation 1 over the examples `rows` and all places, float32.

    Source: preprocessing of AdaTime (Ragab et al., arXiv:2203.08321), which takes each part's own statistics.
    """
    x_NCT = np.asarray(inputs, dtype=np.float64)
    places = tuple(axis for axis in range(x_NCT.ndim) if axis != 1)
    mean_C, sd_C = x_NCT[rows].mean(axis=places, keepdims=True), x_NCT[rows].std(axis=places, keepdims=True)
    scaled = np.divide(x_NCT - mean_C, sd_C, out=np.zeros_like(x_NCT), where=sd_C > 1e-12)
    return scaled.astype(np.float32)


def rescale(inputs: Inputs, rows: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Bring pixels from [low, high] to [-1, 1], float32."""
    return (np.asarray(inputs, dtype=np.float32) - low) * np.float32(2.0 / (high - low)) - np.float32(1.0)
