"""Principal axes and the geodesic between two subspaces."""

from __future__ import annotations

import numpy as np

from tlbench.functional.kept import keep_results


@keep_results
def spectrum(x_ND: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return (K,) singular values of the centred rows, falling, and their (K, D) axes; K = min(N, D)."""
    return np.linalg.svd(x_ND - x_ND.mean(axis=0), full_matrices=False)[1:]


def principal_axes(x_ND: np.ndarray, k: int) -> np.ndarray:
    """Return the (D, K) first k principal axes of the rows, of unit length, columns by falling variance; K = min(k, N - 1, D).

    The sign of each axis is such that its largest entry is positive.

    Raises:
        ValueError: fewer than two rows, or k below 1.
    """
    if len(x_ND) < 2 or k < 1:
        raise ValueError(f"principal_axes needs two or more rows and k >= 1, got {x_ND.shape} and k={k}.")
    axes_KD = spectrum(x_ND)[1][: min(k, len(x_ND) - 1)]
    largest_K = axes_KD[np.arange(len(axes_KD)), np.abs(axes_KD).argmax(axis=1)]
    return (axes_KD * np.where(largest_K < 0, -1.0, 1.0)[:, None]).T


def geodesic_factor(source_DK: np.ndarray, target_DK: np.ndarray) -> np.ndarray:
    """Return (D, 2K) F with F F' = the geodesic flow kernel: the integral of Phi(t) Phi(t)' over t in [0, 1], where Phi runs
    along the geodesic from the span of one set of orthonormal columns to that of the other.

    Paper: Gong et al., Geodesic flow kernel for unsupervised domain adaptation, CVPR 2012, eqs. 4-6. The integral over one
    principal angle a is [[1 + s, c], [c, 1 - s]] / 2 with s = sin(2a) / (2a), c = (cos(2a) - 1) / (2a) (their matrices are
    twice that). F F' does not depend on which orthonormal columns span the subspaces.

    Raises:
        ValueError: shapes differ, or the columns are not orthonormal.
    """
    d, k = source_DK.shape
    if target_DK.shape != (d, k) or 2 * k > d:
        raise ValueError(
            f"Two subspaces of one dimension k <= D / 2 are needed, got {source_DK.shape} and {target_DK.shape}."
        )
    for basis_DK in (source_DK, target_DK):
        if not np.allclose(basis_DK.T @ basis_DK, np.eye(k), atol=1e-8):
            raise ValueError("The columns of both subspaces must be orthonormal.")
    # target = source @ U1 cos(a) V' - rest @ U2 sin(a) V', with `rest` the part of the target outside the source's span
    left_KK, cosine_K, right_KK = np.linalg.svd(source_DK.T @ target_DK)
    inside_DK = source_DK @ left_KK
    outside_DK = target_DK @ right_KK.T - inside_DK * cosine_K
    sine_K = np.linalg.norm(outside_DK, axis=0)
    outside_DK = outside_DK / np.where(sine_K > 1e-12, sine_K, 1.0)
    angle_K = np.arctan2(sine_K, cosine_K)
    twice_K = np.where(angle_K > 1e-12, 2 * angle_K, 1.0)
    s_K = np.where(angle_K > 1e-12, np.sin(twice_K) / twice_K, 1.0)
    c_K = np.where(angle_K > 1e-12, (1 - np.cos(twice_K)) / twice_K, 0.0)  # positive: `outside` points to the target
    blocks_K22 = np.stack([np.stack([1 + s_K, c_K], -1), np.stack([c_K, 1 - s_K], -1)], -2) / 2
    values_K2, vectors_K22 = np.linalg.eigh(blocks_K22)
    roots_K22 = vectors_K22 * np.sqrt(np.maximum(values_K2, 0.0))[:, None, :]
    first_DK2 = inside_DK[:, :, None] * roots_K22[None, :, 0, :] + outside_DK[:, :, None] * roots_K22[None, :, 1, :]
    return first_DK2.reshape(d, 2 * k)
