"""Transfer components: directions of large variance in which the domains' (and classes') means agree."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh


def mean_difference(n_source: int, n_target: int) -> np.ndarray:
    """Return (N, 1) e with e e' = M_0: x' e is the difference of the domains' means (Pan et al. 2011, eq. 3)."""
    return np.concatenate([np.full(n_source, 1.0 / n_source), np.full(n_target, -1.0 / n_target)])[:, None]


def class_differences(labels_N: np.ndarray, guesses_M: np.ndarray, n_classes: int) -> np.ndarray:
    """Return (N + M, C) columns e_c with e_c e_c' = M_c: differences of the means of each class (Long et al. 2013, eq. 7).

    A class that one side lacks leaves the mean of the other side alone in its column, as in the authors' code.
    """
    classes = range(n_classes)
    mine_NC, theirs_MC = np.equal.outer(labels_N, classes), np.equal.outer(guesses_M, classes)
    shares = [is_in / np.maximum(is_in.sum(axis=0), 1) for is_in in (mine_NC, theirs_MC)]
    return np.concatenate([shares[0], -shares[1]])


def transfer_components(x_ND: np.ndarray, e_NQ: np.ndarray, *, ridge: float, k: int, kernel: str) -> np.ndarray:
    """Return the (D, K) map A: x A are the components of rows x, by falling eigenvalue, K = min(k, rank).

    `primal`: A maximises tr(A' X' H X A) under A' (X' M X + ridge I) A = I (Long et al. 2013, eq. 10).
    `linear`: the same for W in A = X' W with the linear kernel K = X X': tr(W' K H K W) under W' (K M K + ridge I) W = I
    (Pan et al. 2011, eqs. 10-11), which weighs directions by their size once more.
    M = E E' over its Frobenius norm, H centres. Each column of A (of W) has unit length.

    Args:
        x_ND: rows of both domains, source first.
        e_NQ: (N, Q) see `mean_difference`; Q is small, and no N x N matrix is ever formed: costs O(N D^2 + D^3).
        ridge: > 0.

    Raises:
        ValueError: shapes do not fit, ridge is not above 0, or the kernel is unknown.
    """
    if len(x_ND) != len(e_NQ) or not ridge > 0 or k < 1 or kernel not in ("primal", "linear"):
        raise ValueError(
            f"transfer_components got {x_ND.shape}, {e_NQ.shape}, ridge={ridge}, k={k}, kernel={kernel!r}."
        )
    e_NQ = e_NQ / np.sqrt(np.linalg.norm(e_NQ.T @ e_NQ))  # |E E'|_F = |E' E|_F
    _, size_R, axes_RD = np.linalg.svd(x_ND, full_matrices=False)
    kept = size_R > size_R[0] * max(x_ND.shape) * np.finfo(np.float64).eps
    size_R, axes_RD = size_R[kept], axes_RD[kept]  # everything outside the rows' span has no variance
    power_R = size_R if kernel == "linear" else np.ones_like(size_R)
    y_NR = (x_ND @ axes_RD.T) * power_R
    difference_RQ, centred_NR = y_NR.T @ e_NQ, y_NR - y_NR.mean(axis=0)
    rank = len(size_R)
    _, vectors_RK = eigh(
        centred_NR.T @ centred_NR,
        difference_RQ @ difference_RQ.T + ridge * np.eye(rank),
        subset_by_index=[max(rank - k, 0), rank - 1],
    )
    vectors_RK = vectors_RK[:, ::-1] / np.linalg.norm(vectors_RK[:, ::-1], axis=0)
    a_DK = axes_RD.T @ (power_R[:, None] * vectors_RK)
    return a_DK * np.where(a_DK[np.abs(a_DK).argmax(axis=0), np.arange(a_DK.shape[1])] < 0, -1.0, 1.0)
