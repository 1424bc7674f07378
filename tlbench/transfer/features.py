"""Features of two domains side by side: checked, dense, in one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg, sparse


def checked_pair(xs_ND: Any, xt_MD: Any, *, fewest: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return both domains' features as dense float64.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D), arrays or scipy sparse matrices.
        fewest: examples that each domain must have.

    Raises:
        ValueError: not two matrices of one width with enough rows, or an entry that is no finite number.
    """
    xs_ND, xt_MD = dense(xs_ND), dense(xt_MD)
    wrong = xs_ND.ndim != 2 or xt_MD.ndim != 2 or xs_ND.shape[1:] != xt_MD.shape[1:] or xs_ND.shape[1] == 0
    if wrong or min(len(xs_ND), len(xt_MD)) < fewest:
        raise ValueError(
            f"Two domains need {fewest} or more examples each and one feature width, got "
            f"source {xs_ND.shape} and target {xt_MD.shape}."
        )
    return xs_ND, xt_MD


def dense(x_ND: Any) -> np.ndarray:
    """Return features as dense float64; ValueError if one is no finite number."""
    x_ND = np.asarray(x_ND.toarray() if sparse.issparse(x_ND) else x_ND, dtype=np.float64)
    if not np.isfinite(x_ND).all():
        raise ValueError(f"Features must be finite numbers, {(~np.isfinite(x_ND)).sum()} of {x_ND.size} are not.")
    return x_ND


def checked_labels(labels_N: Any, n: int, n_classes: int | None = None) -> np.ndarray:
    """Return (n,) labels as integers; ValueError if their number, kind or range (0 to n_classes - 1) is wrong."""
    labels_N = np.asarray(labels_N)
    if labels_N.shape != (n,) or labels_N.dtype.kind not in "iu":
        raise ValueError(f"Expected ({n},) integer labels, got {labels_N.shape} of {labels_N.dtype}.")
    if n and (labels_N.min() < 0 or (n_classes is not None and labels_N.max() >= n_classes)):
        raise ValueError(f"Labels must be 0 to {n_classes} - 1, got {labels_N.min()} to {labels_N.max()}.")
    return labels_N.astype(np.int64)


def standardised_pair(xs_ND: np.ndarray, xt_MD: np.ndarray, *, scaled: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return every column less its mean, over its sd (divided by n), both of the pooled examples; a constant one as 0.

    Args:
        scaled: they are so already, and come back as they are.
    """
    if scaled:
        return xs_ND, xt_MD
    x_PD = np.concatenate([xs_ND, xt_MD])
    size_D = np.abs(x_PD).max(axis=0)  # divided by first, so that no square overflows
    x_PD /= np.where(size_D > 0, size_D, 1.0)
    mean_D, sd_D = means_and_sds(x_PD)
    x_PD -= mean_D
    x_PD /= sd_D
    return x_PD[: len(xs_ND)], x_PD[len(xs_ND) :]


def means_and_sds(x_ND: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (D,) the means of columns and their sds (divided by n), 1 for one that is constant up to rounding.

    Step by step as scikit-learn's StandardScaler, so that numbers are equal to the bit; that one takes five times as long, to
    look for missing values.
    """
    n = len(x_ND)
    mean_D = x_ND.sum(axis=0) / n
    apart_ND = x_ND - mean_D
    rounding_D = apart_ND.sum(axis=0)
    var_D = (np.square(apart_ND, out=apart_ND).sum(axis=0) - np.square(rounding_D) / n) / n
    eps = np.finfo(np.float64).eps
    constant_D = var_D <= n * eps * var_D + np.square(n * mean_D * eps)
    return mean_D, np.where(constant_D, 1.0, np.sqrt(np.maximum(var_D, 0.0)))


def left_svd(x_ND: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return U (N, K) and s (K,) of `thin_svd`; with more columns than rows, from their triangle: V is not worked out."""
    if x_ND.shape[1] > len(x_ND):
        x_ND = np.asarray(np.linalg.qr(x_ND.T, mode="r")).T
    return thin_svd(x_ND)[:2]


def thin_svd(x_ND: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return U (N, K), s (K,) and V' (K, D) with K = min(N, D).

    By divide and conquer; on some matrices (pixels, with many columns alike) that does not converge, and QR iteration, which
    takes a few times as long, does.
    """
    try:
        return np.linalg.svd(x_ND, full_matrices=False)
    except np.linalg.LinAlgError:
        return linalg.svd(x_ND, full_matrices=False, lapack_driver="gesvd")
