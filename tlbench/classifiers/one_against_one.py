"""Decisions of a linear support vector machine, one class against one, from its weights: no kernel with its training set."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from sklearn.svm import SVC

from tlbench.data.inputs import Rows


def pays(model: SVC) -> bool:
    """Tell whether weights, a vector for each two classes, are fewer than the training examples that a kernel would be with."""
    k = len(model.classes_)
    return k * (k - 1) // 2 <= len(model.support_)


def pair_weights(model: SVC, rows_ND: Rows) -> np.ndarray:
    """Return (D, P) weights for each two of the K classes: (0, 1), (0, 2), ..., (1, 2), ...

    Args:
        model: fitted on the linear kernel of the rows.
    """
    duals = (
        model.dual_coef_
    )  # (K - 1, support vectors), these class by class; of class i against j in row j, less 1 from i on
    ends = np.cumsum(model.n_support_)
    parts = [slice(end - n, end) for end, n in zip(ends, model.n_support_, strict=True)]
    pairs = list(combinations(range(len(parts)), 2))
    signed_VP = np.zeros((duals.shape[1], len(pairs)))
    for place, (i, j) in enumerate(pairs):
        signed_VP[parts[i], place], signed_VP[parts[j], place] = duals[j - 1, parts[i]], duals[i, parts[j]]
    return rows_ND[model.support_].T @ signed_VP


def decisions(model: SVC, weights_DP: np.ndarray, x_ND: Rows) -> np.ndarray:
    """Return `decision_function` of the model's kernel with its training rows: (N, K), or (N,) of two classes."""
    pair_NP, k = x_ND @ weights_DP + model.intercept_, len(model.classes_)
    if k == 2:
        return pair_NP[:, 0]
    first_PK, second_PK = (np.eye(k)[list(side)] for side in zip(*combinations(range(k), 2), strict=True))
    votes_NK = (pair_NP >= 0) @ first_PK + (pair_NP < 0) @ second_PK
    sums_NK = pair_NP @ (first_PK - second_PK)
    return votes_NK + sums_NK / (
        3 * (np.abs(sums_NK) + 1)
    )  # as scikit-learn: the sums break ties of the votes and no more
