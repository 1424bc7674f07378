"""Words that occur in both domains, and what the other words say of them (Blitzer, McDonald & Pereira, EMNLP 2006)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from scipy.linalg import cho_factor, cho_solve
from scipy.special import xlogy

Rows: TypeAlias = np.ndarray | sp.csr_matrix


def information(here_NV: sp.csc_matrix, labels_N: np.ndarray) -> np.ndarray:
    """Return (V,) the mutual information in nats of each feature's presence, 1 or 0 in (N, V), and the class."""
    in_NC = np.equal.outer(labels_N, np.unique(labels_N)).astype(np.float64)
    with_CV = (here_NV.T @ in_NC).T / len(labels_N)
    share_C1, share_V = in_NC.mean(axis=0)[:, None], with_CV.sum(axis=0)
    joint_2CV = np.stack([with_CV, np.maximum(share_C1 - with_CV, 0.0)])
    alone_2V = np.stack([share_V, 1 - share_V])
    return (
        xlogy(joint_2CV, joint_2CV).sum(axis=(0, 1))
        - xlogy(share_C1, share_C1).sum()
        - xlogy(alone_2V, alone_2V).sum(0)
    )


def presence_weights(x_NV: Rows, here_NP: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Regress the presence of each pivot on the other features: least |Y - X W - b|^2 + r |W|^2, b not penalised.

    Args:
        x_NV: the features that predict, of both domains.
        here_NP: 1 where a pivot is present, else 0; with -1 for 0, W is twice as large and its directions are the same.
        ridge: > 0; r is ridge times the mean sum of squares of a column about its mean.

    Returns:
        W (V, P), and the share of the pivots' variance that is predicted; zeros where no feature varies.
    """
    n, v = x_NV.shape
    mean_V, y_NP = np.asarray(x_NV.mean(axis=0)).ravel(), here_NP - here_NP.mean(axis=0)
    if v <= n:
        form = _plain(x_NV.T @ x_NV) - n * np.outer(mean_V, mean_V)
    else:  # in the span of the rows, which is the smaller problem
        form = _plain(x_NV @ x_NV.T)
        form = form - form.mean(axis=0) - form.mean(axis=1)[:, None] + form.mean()
    if not (r := ridge * np.trace(form) / v) > 0 or not y_NP.any():
        return np.zeros((v, here_NP.shape[1])), 0.0
    factor = cho_factor(form + r * np.eye(len(form)), overwrite_a=True)
    w_VP = cho_solve(factor, x_NV.T @ y_NP) if v <= n else x_NV.T @ cho_solve(factor, y_NP)
    left_NP = y_NP - (x_NV @ w_VP - mean_V @ w_VP)
    return w_VP, float(1 - np.square(left_NP).sum() / np.square(y_NP).sum())


def leading_directions(w_VP: np.ndarray, k: int) -> np.ndarray:
    """Return (V, K) the left singular vectors of the largest K values, the largest entry of each positive; K = min(k, rank)."""
    u_VR, size_R, _ = np.linalg.svd(w_VP, full_matrices=False)
    u_VK = u_VR[:, : min(k, int((size_R > 1e-10 * size_R[0]).sum()))]
    return u_VK * np.where(u_VK[np.abs(u_VK).argmax(axis=0), np.arange(u_VK.shape[1])] < 0, -1.0, 1.0)


def _plain(x: Any) -> np.ndarray:
    return x.toarray() if sp.issparse(x) else x
