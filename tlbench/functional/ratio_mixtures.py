"""Density ratios written as non-negative sums of Gaussian kernels: KLIEP and (relative) unconstrained least squares.

See `tlbench.functional.ratio` for what these functions have in common. Width and ridge are chosen by their score in five folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.linalg import cholesky, solve, solve_triangular
from scipy.optimize import nnls
from scipy.special import logsumexp

from tlbench.functional.gaussian import drawn_folds, log_gaussian, median_distance, shuffled_order

FOLDS = 5
UNREACHED = 1e-12
"""Mean kernel value with the source below which a centre is left out: its weight would be a division by nothing."""
STEPS = 200
HALVINGS = 30
RIDGE = 1e-10
"""Of the mean curvature: centres may be as good as one another."""
HELD_OUT_TOL = 1e-3
"""Of the gap while a width is chosen, in nats: what folds differ by is many times as much."""


def kliep_ratio(
    xs_ND: np.ndarray,
    xt_MD: np.ndarray,
    rng: np.random.Generator,
    *,
    widths: Sequence[float],
    centres: int,
    tol: float = 1e-5,
) -> tuple[np.ndarray, dict[str, float]]:
    """Maximise the target's mean log ratio over w(x) = sum_l a_l k(x, c_l), a >= 0, of mean 1 on the source (KLIEP).

    Paper: Sugiyama et al., Direct Importance Estimation for Covariate Shift Adaptation, AISM 2008. Centres are target rows.

    Args:
        widths: those to choose from by held-out likelihood.
        centres: at most.
        tol: of the gap, in nats.

    Returns:
        (N,) weights of mean 1; `gap`, by how much the mean log ratio may be below its maximum, and `width`, the chosen one.

    Raises:
        ValueError: no centre is near a source row.
    """
    unit = median_distance(np.concatenate([xs_ND, xt_MD]))
    is_centre_M = np.zeros(len(xt_MD), dtype=bool)
    is_centre_M[shuffled_order(xt_MD, rng)[:centres]] = True
    fold_M = drawn_folds(xt_MD, min(FOLDS, len(xt_MD)), rng)
    logs = [log_gaussian(x_ND, xt_MD[is_centre_M], unit) for x_ND in (xs_ND, xt_MD)]
    found = {width: (logs[0] / width**2, logs[1] / width**2) for width in widths}

    def score(width: float) -> float:
        parts = [_held_out(*found[width], is_centre_M, fold_M == fold) for fold in range(fold_M.max() + 1)]
        return float(np.concatenate(parts).mean())

    width = max(widths, key=score) if len(widths) > 1 and len(xt_MD) > 1 else widths[0]
    source_NL, target_ML = found[width]
    log_a_L, gap = mixture_of_centres(source_NL, target_ML, tol)
    return np.exp(logsumexp(source_NL + log_a_L, axis=1)), {"gap": gap, "width": float(width)}


def _held_out(source_NL: np.ndarray, target_ML: np.ndarray, is_centre_M: np.ndarray, test_M: np.ndarray) -> np.ndarray:
    """Return the log ratio at held-out target rows, which are no centres then; -inf where no centre is left."""
    kept_L = ~test_M[is_centre_M]
    try:
        log_a_L, _ = mixture_of_centres(source_NL[:, kept_L], target_ML[~test_M][:, kept_L], HELD_OUT_TOL)
    except ValueError:
        return np.full(test_M.sum(), -np.inf)
    return logsumexp(target_ML[test_M][:, kept_L] + log_a_L, axis=1)


def mixture_of_centres(source_NL: np.ndarray, target_ML: np.ndarray, tol: float) -> tuple[np.ndarray, float]:
    """Return the (L,) log a of the maximum, and the gap.

    With b_l = mean_i k(x_i, c_l), the shares p_l = a_l b_l are those of a mixture of the known densities k(., c_l) / b_l.
    The mean log ratio is concave in p and the slopes g satisfy p'g = 1: max g - 1 bounds what is missing to its maximum.
    Newton's steps under p >= 0 get there in some ten, where EM takes thousands (Kim, Carbonetto, Stephens & Anitescu, Journal of
    Computational and Graphical Statistics 29, 2020, arXiv:1806.01412).

    Args:
        source_NL, target_ML: log k of source and target rows with the centres.

    Raises:
        ValueError: no centre is near a source row.
    """
    log_b_L = logsumexp(source_NL, axis=0) - np.log(len(source_NL)) if source_NL.size else np.empty(0)
    kept_L = log_b_L > np.log(UNREACHED)
    if not kept_L.any():
        raise ValueError("no centre of the kernels is near a source example. Take wider kernels.")
    log_density_ML = target_ML[:, kept_L] - log_b_L[kept_L]
    density_ML = np.exp(
        log_density_ML - log_density_ML.max(axis=1, keepdims=True)
    )  # a factor of a row cancels out below
    p_L, gap = np.full(kept_L.sum(), 1.0 / kept_L.sum()), np.inf
    for _ in range(STEPS):
        ratio_ML = density_ML / (density_ML @ p_L)[:, None]
        slope_L = ratio_ML.mean(axis=0)
        gap = float(slope_L.max()) - 1.0
        if gap <= tol:
            break
        p_L = _newton(ratio_ML, slope_L, p_L)
    log_a_L = np.full(len(kept_L), -np.inf)
    with np.errstate(divide="ignore"):
        log_a_L[kept_L] = np.log(p_L / p_L.sum()) - log_b_L[kept_L]
    return log_a_L, max(gap, 0.0)


def _newton(ratio_ML: np.ndarray, slope_L: np.ndarray, p_L: np.ndarray) -> np.ndarray:
    """Return shares that are better: a quadratic model's best p >= 0, or so far towards it as pays; else those of a step of EM.

    The model is that of sum p - mean log(ratio p), whose minimum has a sum of 1 without being told.

    Args:
        ratio_ML: densities over that of the mixture, for each target row.
        slope_L: their mean over rows.
    """
    curvature_LL = ratio_ML.T @ ratio_ML / len(ratio_ML)
    curvature_LL += RIDGE * np.trace(curvature_LL) / len(p_L) * np.eye(len(p_L))
    root_LL = cholesky(curvature_LL)
    try:
        best_L, _ = nnls(root_LL, solve_triangular(root_LL, curvature_LL @ p_L + slope_L - 1.0, trans="T"))
    except (RuntimeError, ValueError):
        return p_L * slope_L
    falls = float((1.0 - slope_L) @ (best_L - p_L))
    for part in 0.5 ** np.arange(HALVINGS):
        new_L = p_L + part * (best_L - p_L)
        with np.errstate(divide="ignore"):
            value = new_L.sum() - 1.0 - np.log(ratio_ML @ new_L).mean()  # 0 at p
        if value <= 1e-4 * part * falls:
            return new_L / new_L.sum()
    return p_L * slope_L


def rulsif_ratio(
    xs_ND: np.ndarray,
    xt_MD: np.ndarray,
    rng: np.random.Generator,
    *,
    alpha: float,
    widths: Sequence[float],
    ridges: Sequence[float],
    centres: int,
) -> tuple[np.ndarray, dict[str, float]]:
    """Fit the relative ratio p_t / (alpha p_t + (1 - alpha) p_s) by least squares; alpha 0 is the plain ratio (uLSIF).

    Papers: Kanamori et al., JMLR 2009; Yamada et al., NIPS 2011. theta = max(0, (H + ridge I)^-1 h) with
    H = (1 - alpha) Phi_s'Phi_s / N + alpha Phi_t'Phi_t / M and h = Phi_t'1 / M; w = Phi_s theta, cut at 1 / alpha, which
    no relative ratio exceeds. Centres are target rows.

    Args:
        alpha: in [0, 1).
        widths, ridges: those to choose from by the held-out loss theta'H theta / 2 - h'theta.
        centres: at most.

    Returns:
        (N,) weights; the chosen `width` and `ridge`, and `divergence`, the relative Pearson divergence of the target that the
        held-out loss gives (of the fit itself where nothing is chosen).
    """
    unit = median_distance(np.concatenate([xs_ND, xt_MD]))
    centre_LD = xt_MD[shuffled_order(xt_MD, rng)[:centres]]
    folds = min(FOLDS, len(xs_ND), len(xt_MD))
    fold_N, fold_M = (drawn_folds(x, folds, rng) for x in (xs_ND, xt_MD))
    logs = [log_gaussian(x_ND, centre_LD, unit) for x_ND in (xs_ND, xt_MD)]
    features = {width: [np.exp(log / width**2) for log in logs] for width in widths}
    losses = dict.fromkeys(product(widths, ridges), 0.0)
    chooses = folds > 1 and len(losses) > 1
    if chooses:
        for width, fold in product(widths, range(folds)):
            source_NL, target_ML = features[width]
            h_LL, h_L = least_squares_terms(source_NL[fold_N != fold], target_ML[fold_M != fold], alpha)
            test_LL, test_L = least_squares_terms(source_NL[fold_N == fold], target_ML[fold_M == fold], alpha)
            for ridge, theta_L in zip(ridges, _thetas(h_LL, h_L, ridges), strict=True):
                losses[width, ridge] += float(0.5 * theta_L @ test_LL @ theta_L - test_L @ theta_L) / folds
    width, ridge = min(losses, key=lambda key: losses[key])
    source_NL, target_ML = features[width]
    h_LL, h_L = least_squares_terms(source_NL, target_ML, alpha)
    (theta_L,) = _thetas(h_LL, h_L, [ridge])
    loss = losses[width, ridge] if chooses else float(0.5 * theta_L @ h_LL @ theta_L - h_L @ theta_L)
    w_N = np.minimum(source_NL @ theta_L, 1.0 / alpha if alpha else np.inf)
    return w_N, {"width": float(width), "ridge": float(ridge), "divergence": -loss - 0.5}


def least_squares_terms(source_NL: np.ndarray, target_ML: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return H (L, L) and h (L,) of kernel values of source and target rows with the centres (Yamada et al., section 2.2)."""
    h_LL = (1.0 - alpha) * source_NL.T @ source_NL / len(source_NL) + alpha * target_ML.T @ target_ML / len(target_ML)
    return h_LL, target_ML.mean(axis=0)


def _thetas(h_LL: np.ndarray, h_L: np.ndarray, ridges: Sequence[float]) -> list[np.ndarray]:
    """Return max(0, (H + ridge I)^-1 h) for each ridge, from one factorisation: of one ridge alone, the cheapest."""
    if len(ridges) == 1:
        return [np.maximum(solve(h_LL + ridges[0] * np.eye(len(h_L)), h_L, assume_a="pos"), 0.0)]
    value_L, vector_LL = np.linalg.eigh(h_LL)
    turned_L = vector_LL.T @ h_L
    return [np.maximum(vector_LL @ (turned_L / (np.maximum(value_L, 0.0) + ridge)), 0.0) for ridge in ridges]
