"""Square roots of regularised covariances, applied to a few rows without ever being formed."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack
from scipy.special import ellipj, ellipkm1

from tlbench.functional.kept import keep_results


def times_power(x_ND: np.ndarray, of_MD: np.ndarray, ridge: float, power: float) -> np.ndarray:
    """Compute x (cov(of) + ridge I)^power, (N, D), with the sample covariance (M - 1).

    Costs O(D min(M, D)^2), most of which is kept for the next x. The way depends on shapes, ridge and power alone, and the
    results of both agree to rounding.
    """
    d, m = x_ND.shape[1], len(of_MD)
    if abs(power) == 0.5 and 3 * len(x_ND) <= d < m:
        diagonal_D, beside_D, packed_DD, scale_D = tridiagonal(of_MD)
        diagonal_D = diagonal_D / (m - 1) + ridge
        beside_D = beside_D / (m - 1)
        most = float(diagonal_D.max() + 2 * np.abs(beside_D).max())  # no eigenvalue is larger (Gershgorin)
        if ridge > 1e-8 * most:
            inner_DN = _reflected(packed_DD, scale_D, x_ND.T, "T")
            inner_DN = _tridiagonal_power(diagonal_D, beside_D, inner_DN, ridge, most, power)
            return np.ascontiguousarray(_reflected(packed_DD, scale_D, inner_DN, "N").T)
    scatter_K, rows_KD, length_K = scatter(of_MD)
    # what is added, over length^2: as a variance vanishes, its ratio to that variance has a limit, hence no subtraction
    added_K = ridge**power * np.expm1(power * np.log1p(scatter_K / ((m - 1) * ridge))) / length_K**2
    return ridge**power * x_ND + ((x_ND @ rows_KD.T) * added_K) @ rows_KD


def recolour(xs_ND: np.ndarray, xt_MD: np.ndarray, ridge: float) -> np.ndarray:
    """Compute xs (C_s + ridge I)^(-1/2) (C_t + ridge I)^(1/2), with C the sample covariance (n - 1): CORAL's map.

    Paper: Sun, Feng & Saenko, AAAI 2016, arXiv:1511.05547, algorithm 1.

    Args:
        xs_ND: source features, (N, D) with N >= 2.
        xt_MD: target features, (M, D) with M >= 2.
        ridge: added to both diagonals, > 0; 1 in the paper.

    Returns:
        (N, D) float64. The roots are never formed: costs O(D n^2) for n = min(samples, D).

    Raises:
        ValueError: a domain has fewer than two samples, or the widths differ.
    """
    if min(len(xs_ND), len(xt_MD)) < 2 or xs_ND.shape[1] != xt_MD.shape[1]:
        raise ValueError(f"recolour needs two or more samples of one width, got {xs_ND.shape} and {xt_MD.shape}.")
    return times_power(times_power(xs_ND, xs_ND, ridge, -0.5), xt_MD, ridge, 0.5)


@keep_results
def scatter(x_MD: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return eigenvalues (K,) of X'X for the centred rows X, K = min(M, D); (K, D) eigenvectors; their lengths (K,).

    From the smaller of X X' and X'X, which takes half as long as a thin SVD. With M <= D the vectors are U'X, of length
    sqrt(eigenvalue): those of vanishing length are right where unit vectors would be noise.
    """
    x_MD = _centred(x_MD)
    least = np.finfo(np.float64).tiny ** 0.5
    if len(x_MD) > x_MD.shape[1]:
        values_K, vectors_DK = np.linalg.eigh(x_MD.T @ x_MD)
        return np.maximum(values_K, least), vectors_DK.T, np.ones_like(values_K)
    values_K, vectors_MK = np.linalg.eigh(x_MD @ x_MD.T)
    values_K = np.maximum(values_K, least)
    return values_K, vectors_MK.T @ x_MD, np.sqrt(values_K)


@keep_results
def tridiagonal(x_MD: np.ndarray) -> tuple[np.ndarray, ...]:
    """Compute X'X = Q T Q' for the centred rows X: diagonal (D,) and side (D - 1,) of T, and Q as LAPACK's reflections.

    A third of the work of all eigenvectors, which a power needs no more than this.
    """
    x_MD = _centred(x_MD)
    d = x_MD.shape[1]
    packed_DD, diagonal_D, beside_D, scale_D, _ = lapack.dsytrd(
        x_MD.T @ x_MD, lower=1, lwork=int(lapack.dsytrd_lwork(d, lower=1)[0])
    )
    return diagonal_D, beside_D, np.asfortranarray(packed_DD[1:, :-1]), scale_D


def _centred(x_MD: np.ndarray) -> np.ndarray:
    x_MD = np.asarray(x_MD, dtype=np.float64)
    return x_MD - x_MD.mean(axis=0)


def _reflected(packed_DD: np.ndarray, scale_D: np.ndarray, y_DN: np.ndarray, which: str) -> np.ndarray:
    """Compute Q' y ("T") or Q y ("N"); Q leaves the first coordinate alone."""
    out_DN = np.array(y_DN, dtype=np.float64, order="F")
    out_DN[1:] = lapack.dormqr("L", which, packed_DD, scale_D, np.asfortranarray(out_DN[1:]), 64 * out_DN.shape[1])[0]
    return out_DN


def _tridiagonal_power(
    diagonal_D: np.ndarray, beside_D: np.ndarray, y_DN: np.ndarray, least: float, most: float, power: float
) -> np.ndarray:
    """Compute T^(1/2) y or T^(-1/2) y for a tridiagonal T with eigenvalues in [least, most].

    T^(-1/2) = 2 / pi * the integral of (T + t^2)^(-1) over t > 0. With t = sqrt(least) sc(u | 1 - least / most) the midpoint
    rule's error falls as exp(-2 pi^2 n / (ln(most / least) + 3)), to less than rounding with n points (Hale, Higham &
    Trefethen, Computing A^a, log(A) and related matrix functions by contour integrals, 2008).
    """
    n = int(np.ceil(38 * (np.log(most / least) + 3) / (2 * np.pi**2)))
    period = ellipkm1(least / most)
    sn, cn, dn, _ = ellipj((np.arange(n) + 0.5) * period / n, 1 - least / most)
    out_DN = np.zeros_like(y_DN)
    for shift, weight in zip(least * (sn / cn) ** 2, dn / cn**2, strict=True):
        out_DN += weight * lapack.dptsv(diagonal_D + shift, beside_D, y_DN)[2]
    out_DN *= 2 * period * np.sqrt(least) / (np.pi * n)
    if power < 0:
        return out_DN
    product_DN = diagonal_D[:, None] * out_DN
    product_DN[:-1] += beside_D[:, None] * out_DN[1:]
    product_DN[1:] += beside_D[:, None] * out_DN[:-1]
    return product_DN
