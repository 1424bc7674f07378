"""How far apart two samples are, by how well a linear classifier tells them apart: what a method may balance its terms by."""

from __future__ import annotations

import numpy as np
from sklearn.svm import LinearSVC

LEAST = 1e-3
"""Balances below it are 0."""


def training_a_distance(xs_ND: np.ndarray, xt_MD: np.ndarray) -> float:
    """Return 2 (1 - 2 error) of a linear SVM (squared hinge, C = 1) on the rows that it is fitted on, in [0, 2].

    The proxy A-distance of Ben-David et al. (NIPS 2006) with the training error in place of a held-out one, as Wang et al.
    (ACM MM 2018) have it: it says 2 as soon as the domains can be separated, so it compares, and does not measure.
    """
    x = np.concatenate([xs_ND, xt_MD])
    domain = np.repeat([0, 1], [len(xs_ND), len(xt_MD)])
    error = 1.0 - LinearSVC(dual=False).fit(x, domain).score(x, domain)
    return 2.0 * (1.0 - 2.0 * min(error, 0.5))


def class_balance(xs_ND: np.ndarray, labels_N: np.ndarray, xt_MD: np.ndarray, guesses_M: np.ndarray) -> float:
    """Return mu = d_c / (d_0 + d_c): d_0 the distance of all rows, d_c the mean one of the classes that both sides have.

    Paper: Wang et al., ACM MM 2018, arXiv:1807.07258, eqs. 9-10 (with classes where the paper says conditional distributions).

    Args:
        guesses_M: classes that the target is thought to have.

    Returns:
        mu in [0, 1], 0 below 0.001; 1/2 where both distances are 0 or no class is on both sides.
    """
    whole = training_a_distance(xs_ND, xt_MD)
    shared = np.intersect1d(labels_N, guesses_M)
    if not len(shared):
        return 0.5
    by_class = np.mean([training_a_distance(xs_ND[labels_N == c], xt_MD[guesses_M == c]) for c in shared])
    mu = 0.5 if whole + by_class == 0 else float(by_class / (whole + by_class))
    return 0.0 if mu <= LEAST else mu
