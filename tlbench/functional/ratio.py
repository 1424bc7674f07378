"""Estimates of the density ratio p_target(x) / p_source(x) at the source examples.

Each is a pure function of (N, D) source rows and (M, D) target rows; labels have no part in it. Widths of Gaussian kernels are
given in units of the median distance of the pooled rows. What is drawn (centres, folds) is drawn of the rows themselves, so
that rows in another order get the same weights in that order.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances_argmin

from tlbench.functional.gaussian import drawn_folds, log_gaussian, median_distance
from tlbench.functional.quadratic import box_qp

LARGEST_LOG = 300.0
"""Of a ratio: sums of such ratios and of their squares are finite."""


def kmm_ratio(
    xs_ND: np.ndarray,
    xt_MD: np.ndarray,
    *,
    width: float,
    upper: float,
    ridge: float = 0.0,
    slack: float | None = None,
    tol: float = 1e-7,
) -> tuple[np.ndarray, float]:
    """Match the kernel means of the weighted source and of the target (kernel mean matching).

    Paper: Huang et al., Correcting Sample Selection Bias by Unlabeled Data, NIPS 2006, eq. 12: min b'Kb / 2 - k'b with
    k_i = (N/M) sum_j k(x_i, z_j), 0 <= b <= upper, sum b within N slack of N. Added: half the ridge times the squared length
    of b - 1.

    Args:
        ridge: 0 is the paper's program. In few dimensions kernels are nearly dependent: weights of many kinds are then as
            good as the best but for rounding, and the nearer the best, the fewer examples carry them.
        slack: None: (sqrt N - 1) / sqrt N, the paper's.
        tol: of the gap, relative to the objective.

    Returns:
        (N,) weights, and the gap that is left, relative to the objective.
    """
    n, width = len(xs_ND), width * median_distance(np.concatenate([xs_ND, xt_MD]))
    slack = 1.0 - n**-0.5 if slack is None else slack
    kernel_NN = np.exp(log_gaussian(xs_ND, xs_ND, width))
    mean_N = n * np.exp(log_gaussian(xs_ND, xt_MD, width)).mean(axis=1)
    np.fill_diagonal(kernel_NN, 1.0 + ridge)
    low, high, linear_N = n * (1.0 - slack), n * (1.0 + slack), mean_N + ridge
    b_N, gap = box_qp(kernel_NN, linear_N, upper=upper, low=low, high=high, start=np.ones(n), tol=tol)
    size = abs(0.5 * b_N @ kernel_NN @ b_N - linear_N @ b_N)
    return b_N, gap / max(float(size), np.finfo(float).tiny)


def logistic_ratio(
    xs_ND: np.ndarray, xt_MD: np.ndarray, rng: np.random.Generator, *, C: float, folds: int
) -> tuple[np.ndarray, float]:
    """Return the odds of the target by a logistic regression on the domain, times N/M; each row by a fit on the other folds.

    Paper: Bickel, Brueckner & Scheffer, Discriminative Learning under Covariate Shift, JMLR 2009. Rows are centred and divided by
    the root mean square of all their entries, so that C means the same in every scale of the features.

    Where held-out folds are told apart no better than by chance, all weights are 1. Domains of one mean (a z-score of each,
    say) are told apart the wrong way round: the mean of a fold is opposite to that of the others.

    Args:
        C: of scikit-learn, > 0: inverse strength of the penalty.
        folds: 1: each row by the fit on all rows, itself among them.

    Returns:
        (N,) weights, and the balanced accuracy of telling the domains apart in these folds.
    """
    x_PD, n, m = np.concatenate([xs_ND, xt_MD]), len(xs_ND), len(xt_MD)
    x_PD = x_PD - x_PD.mean(axis=0)
    x_PD /= np.sqrt(np.square(x_PD).mean()) or 1.0
    is_target_P, folds = np.repeat([0, 1], [n, m]), min(folds, n, m)
    fold_P = np.concatenate([drawn_folds(x, folds, rng) for x in (xs_ND, xt_MD)])
    log_P = np.empty(n + m)
    for fold in range(folds):
        test_P = fold_P == fold
        train_P = ~test_P if folds > 1 else test_P
        domains = is_target_P[train_P]
        model = LogisticRegression(C=C, tol=1e-6, max_iter=2000).fit(x_PD[train_P], domains)
        # whoever fits weighs the domains by their sizes in the fit: taken out here
        log_P[test_P] = model.decision_function(x_PD[test_P]) + np.log((domains == 0).sum() / domains.sum())
    right_P = (log_P > 0) == is_target_P
    told_apart = 0.5 * float(right_P[:n].mean() + right_P[n:].mean())
    if folds > 1 and told_apart <= 0.5:
        return np.ones(n), told_apart
    return np.exp(np.clip(log_P[:n], -LARGEST_LOG, LARGEST_LOG)), told_apart


def nearest_ratio(xs_ND: np.ndarray, xt_MD: np.ndarray, *, added: float = 1.0) -> np.ndarray:
    """Return `added` plus the number of target rows whose nearest source row it is.

    Paper: Loog, Nearest Neighbor-Based Importance Weighting, MLSP 2012, `added` = 1. Equal source rows share what is nearest to
    them; of rows that are equally near without being equal the first in sorted order has it.
    """
    rows_RD, row_N, count_R = np.unique(xs_ND, axis=0, return_inverse=True, return_counts=True)
    centre_D = rows_RD.mean(axis=0)  # distances from inner products lose digits far from 0
    nearest_M = pairwise_distances_argmin(xt_MD - centre_D, rows_RD - centre_D)
    reached_R = np.bincount(nearest_M, minlength=len(rows_RD)) / count_R
    return added + reached_R[row_N.reshape(-1)]
