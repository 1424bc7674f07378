"""Distances between two domains' features: no label is looked at. docs/distances.md tells how to read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

from tlbench.transfer.domain_probe import FOLDS, domain_accuracy
from tlbench.transfer.features import checked_pair, standardised_pair


def proxy_a_distance(
    xs_ND: Any, xt_MD: Any, *, rng: np.random.Generator, folds: int = FOLDS, scaled: bool = False,
    gram_PP: np.ndarray | None = None,
) -> float:  # fmt: skip
    """Compute the proxy A-distance 2 (1 - 2 err), from the balanced error of a cross-validated linear domain classifier.

    Source: Ben-David et al., NIPS 2006, and Machine Learning 2010. Columns are standardised here, unless they are already.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D), two or more examples each.
        rng: draws the folds.
        folds: 2 or more.
        scaled: columns are standardised, by `standardised_pair`.
        gram_PP: inner products of the pooled examples, where they are known.

    Returns:
        0 (chance or worse) to 2 (told apart without error).

    Raises:
        ValueError: impossible shapes, or fewer than two folds.
    """
    if folds < 2:
        raise ValueError(f"Cross-validation needs two or more folds, got {folds}.")
    xs_ND, xt_MD = standardised_pair(*checked_pair(xs_ND, xt_MD, fewest=2), scaled=scaled)
    error = 1.0 - domain_accuracy(xs_ND, xt_MD, folds, rng, gram_PP)
    return float(np.clip(2.0 * (1.0 - 2.0 * error), 0.0, 2.0))


def mmd(
    xs_ND: Any, xt_MD: Any, *, rng: np.random.Generator, permutations: int = 200, kernel_PP: np.ndarray | None = None
) -> tuple[float, float]:
    """Compute the unbiased squared maximum mean discrepancy and its permutation p-value.

    Kernel exp(-|x - y|^2 / (2 h^2)), h the median distance of two pooled examples (the mean distance if the median is 0).
    Source: Gretton et al., JMLR 2012, Lemma 6 (equation 3) and section 8.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D), two or more examples each.
        rng: draws the permutations of the examples over the domains.
        permutations: 1 or more; the p-value is at least 1 / (1 + permutations).
        kernel_PP: `pooled_kernel` of both, where it is known.

    Returns:
        mmd2 (0 on average for equal domains, may be negative, at most 2), p (share of permutations, the given order among
        them, that reach mmd2).

    Raises:
        ValueError: impossible shapes, or no permutation.
    """
    if permutations < 1:
        raise ValueError(f"A permutation p-value needs one or more permutations, got {permutations}.")
    xs_ND, xt_MD = checked_pair(xs_ND, xt_MD, fewest=2)
    n, kernel_PP = len(xs_ND), pooled_kernel(xs_ND, xt_MD) if kernel_PP is None else kernel_PP
    in_source_KP = np.zeros((1 + permutations, len(kernel_PP)))
    in_source_KP[:, :n] = 1.0
    in_source_KP[1:] = rng.permuted(in_source_KP[1:], axis=1)
    mmd2_K = unbiased_mmd2(kernel_PP, in_source_KP)
    return float(mmd2_K[0]), float((mmd2_K >= mmd2_K[0] - 1e-12).mean())


def coral_distance(xs_ND: Any, xt_MD: Any) -> float:
    """Compute the squared Frobenius distance of the sample covariances (n - 1), over 4 D^2; blind to the means.

    Source: Sun & Saenko, ECCV Workshops 2016, equation 1. From inner products of examples: no D x D matrix is formed.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D), two or more examples each.

    Raises:
        ValueError: impossible shapes.
    """
    xs_ND, xt_MD = checked_pair(xs_ND, xt_MD, fewest=2)
    rows_PD = np.concatenate([(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (xs_ND, xt_MD)])
    # C_s - C_t = A' S A with signs S, so its squared norm is the sum of s_i s_j (a_i . a_j)^2
    sign_P = np.repeat([1.0, -1.0], [len(xs_ND), len(xt_MD)])
    squared = sign_P @ np.square(rows_PD @ rows_PD.T) @ sign_P
    return float(max(squared, 0.0) / (4 * xs_ND.shape[1] ** 2))


def sliced_wasserstein(xs_ND: Any, xt_MD: Any, *, rng: np.random.Generator, projections: int = 100) -> float:
    """Compute the sliced 2-Wasserstein distance: root of the mean, over random directions, of the squared distance along each.

    Along a direction the distance is that of the two quantile functions, exact for domains of unequal size.
    Source: Rabin et al., SSVM 2011; Bonneel et al., J. Math. Imaging and Vision 2015.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D).
        rng: draws the directions, uniform on the sphere.
        projections: number of directions, 1 or more.

    Returns:
        >= 0, in units of the features; a shift by v alone gives about |v| / sqrt(D).

    Raises:
        ValueError: impossible shapes, or no direction.
    """
    if projections < 1:
        raise ValueError(f"Sliced Wasserstein needs one or more projections, got {projections}.")
    xs_ND, xt_MD = checked_pair(xs_ND, xt_MD)
    directions_DK = rng.standard_normal((xs_ND.shape[1], projections))
    directions_DK /= np.linalg.norm(directions_DK, axis=0)
    share_Q, row_s_Q, row_t_Q = _common_quantiles(len(xs_ND), len(xt_MD))
    sorted_s_NK, sorted_t_MK = np.sort(xs_ND @ directions_DK, axis=0), np.sort(xt_MD @ directions_DK, axis=0)
    squared_K = share_Q @ np.square(sorted_s_NK[row_s_Q] - sorted_t_MK[row_t_Q])
    return float(np.sqrt(squared_K.mean()))


def mean_shift(xs_ND: Any, xt_MD: Any) -> float:
    """Return the root mean square over the features of the difference of the domains' means, in units of the features.

    Raises:
        ValueError: impossible shapes.
    """
    xs_ND, xt_MD = checked_pair(xs_ND, xt_MD)
    return float(np.sqrt(np.mean(np.square(xs_ND.mean(axis=0) - xt_MD.mean(axis=0)))))


def pooled_kernel(xs_ND: np.ndarray, xt_MD: np.ndarray) -> np.ndarray:
    """Return (N + M, N + M) the Gaussian kernel of the examples of both domains."""
    x_PD = np.concatenate([xs_ND, xt_MD])
    return gaussian_kernel(x_PD - x_PD[0])  # distances from inner products lose digits far from 0


def gaussian_kernel(x_PD: np.ndarray) -> np.ndarray:
    squared_PP = euclidean_distances(x_PD, squared=True)
    pairs = np.concatenate([row[place + 1 :] for place, row in enumerate(squared_PP)])
    width = np.median(pairs)  # the median of the squares is the square of the median, up to the middle two
    width = width if width > 0 else np.square(np.sqrt(pairs).mean())
    if width <= 0:
        return np.ones_like(squared_PP)
    squared_PP /= -2.0 * width
    return np.exp(squared_PP, out=squared_PP)


def unbiased_mmd2(kernel_PP: np.ndarray, in_source_KP: np.ndarray) -> np.ndarray:
    """Return (K,) squared MMD of K ways to split the pooled examples: in_source_KP is 1 for the source, 0 for the target."""
    n = in_source_KP[0].sum()
    m = in_source_KP.shape[1] - n
    off_PP = kernel_PP.copy()
    np.fill_diagonal(off_PP, 0.0)
    row_P = off_PP.sum(axis=1)
    within_s_K = np.einsum("kp,kp->k", in_source_KP @ off_PP, in_source_KP)
    across_K = in_source_KP @ row_P - within_s_K
    within_t_K = row_P.sum() - within_s_K - 2 * across_K
    return within_s_K / (n * (n - 1)) + within_t_K / (m * (m - 1)) - 2 * across_K / (n * m)


def _common_quantiles(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut [0, 1] where a quantile function steps: lengths of the pieces, and the row of n and of m sorted values on each."""
    # whole numbers (in 1 / (n m)) keep equal steps equal
    edge = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    return np.diff(edge) / (n * m), edge[:-1] // m, edge[:-1] // n
