"""Kernel ridge regression on labelled rows whose values agree between domains and among neighbours."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.linalg import lu_factor, lu_solve


class AdaptedRidge:
    """B = ((E + weight M + rho L) K + ridge I)^-1 E Y, f = K B, set up once for any M = e e' (Long et al. 2014, eq. 21).

    E has ones for labelled rows. One factorisation of (E + rho L) K + ridge I serves all M: of rank Q, they come in by
    Woodbury's identity in O(N^2 Q).

    Args:
        kernel_NN: of all rows.
        targets_NC: one-hot labels; zero rows where there is no label.
        laplacian_NN: L, or None for rho = 0.
        rho: weight of the graph, >= 0.
        ridge: > 0.
    """

    def __init__(
        self,
        kernel_NN: np.ndarray,
        targets_NC: np.ndarray,
        laplacian_NN: sp.csr_matrix | None,
        *,
        rho: float,
        ridge: float,
    ) -> None:
        labelled_N1 = targets_NC.any(axis=1, keepdims=True).astype(np.float64)
        left_NN = labelled_N1 * kernel_NN
        if laplacian_NN is not None:
            left_NN += rho * (laplacian_NN @ kernel_NN)
        left_NN[np.diag_indices_from(left_NN)] += ridge
        self.kernel_NN, self.factor = kernel_NN, lu_factor(left_NN, overwrite_a=True)
        self.plain_NC = lu_solve(self.factor, targets_NC)

    def solve(self, e_NQ: np.ndarray, weight: float) -> np.ndarray:
        """Return (N, C) coefficients B for M = e e'; `weight` >= 0."""
        if weight == 0:
            return self.plain_NC
        solved_NQ, seen_QN = lu_solve(self.factor, e_NQ), (self.kernel_NN @ e_NQ).T
        inner_QQ = np.eye(e_NQ.shape[1]) / weight + seen_QN @ solved_NQ
        return self.plain_NC - solved_NQ @ np.linalg.solve(inner_QQ, seen_QN @ self.plain_NC)
