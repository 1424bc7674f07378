"""The optimal transport map between two Gaussians, of the means and covariances of two sets of rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular


class GaussianMap(NamedTuple):
    """x -> target_D + (x - source_D) (I + basis (core - I) basis'): nothing moves outside the rows' span but the mean.

    Attributes:
        source_D, target_D: means.
        basis_DR: orthonormal columns that span the centred rows of both domains.
        core_RR: the map in them, symmetric and positive definite.
    """

    source_D: np.ndarray
    target_D: np.ndarray
    basis_DR: np.ndarray
    core_RR: np.ndarray

    def __call__(self, x_ND: np.ndarray) -> np.ndarray:
        """Return (N, D) rows of the source where they belong in the target."""
        x_ND = x_ND - self.source_D
        within_NR = x_ND @ self.basis_DR
        return self.target_D + x_ND + (within_NR @ self.core_RR - within_NR) @ self.basis_DR.T


def gaussian_map(xs_ND: np.ndarray, xt_MD: np.ndarray, ridge: float) -> GaussianMap:
    """Return x -> m_t + (x - m_s) T, T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2), A = cov_s + ridge I, B = cov_t + ridge I.

    T A T = B, and T is the gradient of a convex function, so it is the optimal map between N(m_s, A) and N(m_t, B) (Knott &
    Smith, J. Optimization Theory and Applications 43, 1984). Covariances are divided by n - 1. Costs O(D R^2 + R^3) for
    R = min(N + M, D): outside the rows' span both covariances are the ridge, and T is I. Any root of A serves as well as
    A^(1/2): with A = L L', T = L'^(-1) (L' B L)^(1/2) L^(-1) is symmetric, and T A T = B. Cholesky's takes no eigenproblem.

    Args:
        xs_ND: source features, N >= 2.
        xt_MD: target features, M >= 2.
        ridge: > 0.

    Raises:
        ValueError: a domain has fewer than two rows, the widths differ, or ridge is not above 0.
    """
    if min(len(xs_ND), len(xt_MD)) < 2 or xs_ND.shape[1] != xt_MD.shape[1] or not ridge > 0:
        raise ValueError(
            f"gaussian_map needs two or more rows of one width and a ridge above 0, got {xs_ND.shape}, {xt_MD.shape}, {ridge}."
        )
    source_D, target_D = xs_ND.mean(axis=0), xt_MD.mean(axis=0)
    rows_ND, rows_MD = xs_ND - source_D, xt_MD - target_D
    wide = len(xs_ND) + len(xt_MD) < xs_ND.shape[1]
    basis_DR = np.linalg.qr(np.concatenate([rows_ND, rows_MD]).T)[0] if wide else np.eye(xs_ND.shape[1])
    a_RR, b_RR = (_covariance(rows @ basis_DR, ridge) for rows in (rows_ND, rows_MD))
    lower_RR = cholesky(a_RR, lower=True)
    half_RR = solve_triangular(lower_RR, _root(lower_RR.T @ b_RR @ lower_RR), lower=True, trans="T")
    return GaussianMap(source_D, target_D, basis_DR, solve_triangular(lower_RR, half_RR.T, lower=True, trans="T"))


def _covariance(centred_NR: np.ndarray, ridge: float) -> np.ndarray:
    return centred_NR.T @ centred_NR / (len(centred_NR) - 1) + ridge * np.eye(centred_NR.shape[1])


def _root(a_RR: np.ndarray) -> np.ndarray:
    values_R, vectors_RR = np.linalg.eigh(a_RR)
    return (vectors_RR * np.sqrt(np.maximum(values_R, 0.0))) @ vectors_RR.T
