"""The linear classifier behind the distances: ridge regression on class indicators, cross-validated, in closed form.

Penalty  With standardised features the penalty on |w|^2 in the sum of squared errors is D, the best one where signal
         and noise are equally strong (Dobriban & Wager, Annals of Statistics 2018, Theorem 2.1: lambda = D / n over
         signal-to-noise). It grows with the width, so that wide data is not fitted by heart, and needs no search inside
         the folds. Here D is read off the examples as their mean squared distance from their mean: no scale to set.
Width    Only inner products of examples enter, so wide features are first written in as many columns as there are examples.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

FOLDS = 5


def stratified_folds(strata_N: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) the fold of each example, drawn such that a stratum's sizes in two folds differ by at most one."""
    order_N = np.lexsort((rng.random(len(strata_N)), strata_N))
    fold_N = np.empty(len(strata_N), dtype=np.int64)
    fold_N[order_N] = np.arange(len(strata_N)) % folds
    return fold_N


def held_out_predictions(
    x_ND: np.ndarray, labels_N: np.ndarray, fold_N: np.ndarray, weights_N: np.ndarray | None = None
) -> np.ndarray:
    """Return (N,) the labels that the classifier fitted on the other folds gives to each fold.

    Args:
        x_ND: (N, D) features in one scale.
        labels_N: (N,) of any values.
        fold_N: (N,) fold of each example; two folds or more.
        weights_N: (N,) positive weight of each example in the fit; None: all count the same.
    """
    classes, index_N = np.unique(labels_N, return_inverse=True)
    y_NC = np.eye(len(classes))[index_N]
    weights_N = np.ones(len(x_ND)) if weights_N is None else weights_N
    x_ND = _narrow(x_ND)
    predicted_N = np.empty(len(x_ND), dtype=np.int64)
    for fold in np.unique(fold_N):
        test_N = fold_N == fold
        predicted_N[test_N] = _ridge_scores(x_ND, y_NC, weights_N, test_N).argmax(axis=1)
    return classes[predicted_N]


def balanced_accuracy(predicted_N: np.ndarray, labels_N: np.ndarray) -> float:
    """Return the mean over the classes present of the share of their examples that is right."""
    right_N = predicted_N == labels_N
    return float(np.mean([right_N[labels_N == label].mean() for label in np.unique(labels_N)]))


def domain_accuracy(xs_ND: np.ndarray, xt_MD: np.ndarray, folds: int, rng: np.random.Generator) -> float:
    """Return the cross-validated balanced accuracy in [0, 1] of telling two domains apart, both of two or more examples."""
    domain_P = np.repeat([0, 1], [len(xs_ND), len(xt_MD)])
    fold_P = stratified_folds(domain_P, folds, rng)
    x_PD = np.concatenate([xs_ND, xt_MD])
    return balanced_accuracy(held_out_predictions(x_PD, domain_P, fold_P, equal_shares(domain_P)), domain_P)


def equal_shares(group_N: np.ndarray) -> np.ndarray:
    """Return (N,) weights of mean 1 with which every group (0, 1, ...) counts the same as a whole."""
    size_G = np.bincount(group_N)
    return len(group_N) / ((size_G > 0).sum() * size_G[group_N])


def _ridge_scores(x_ND: np.ndarray, y_NC: np.ndarray, weights_N: np.ndarray, test_N: np.ndarray) -> np.ndarray:
    """Return the scores of the test examples; fitted on all others, with an intercept that is not penalised."""
    share_T, train_TD = weights_N[~test_N] / weights_N[~test_N].sum(), x_ND[~test_N]
    mean_D, mean_C = share_T @ train_TD, share_T @ y_NC[~test_N]
    root_T1 = np.sqrt(share_T)[:, None]
    a_TD, b_TC = root_T1 * (train_TD - mean_D), root_T1 * (y_NC[~test_N] - mean_C)
    normal_DD = a_TD.T @ a_TD
    penalty = max(np.trace(normal_DD), 1e-12) / len(share_T)
    np.fill_diagonal(normal_DD, normal_DD.diagonal() + penalty)
    factor = cho_factor(normal_DD, overwrite_a=True, check_finite=False)
    return (x_ND[test_N] - mean_D) @ cho_solve(factor, a_TD.T @ b_TC, check_finite=False) + mean_C


def _narrow(x_ND: np.ndarray) -> np.ndarray:
    """Return examples with the same inner products in at most N columns: all that ridge regression sees of them."""
    n, width = x_ND.shape
    if width <= n:
        return x_ND
    gram_NN = x_ND @ x_ND.T
    jitter = max(1e-12 * np.trace(gram_NN), 1e-30)  # it is singular where examples repeat
    np.fill_diagonal(gram_NN, gram_NN.diagonal() + jitter)
    return np.linalg.cholesky(gram_NN)
