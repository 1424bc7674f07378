"""The linear classifier behind the distances: ridge regression on class indicators, cross-validated, in closed form.

Penalty  With standardised features the penalty on |w|^2 in the sum of squared errors is D, the best one where signal
         and noise are equally strong (Dobriban & Wager, Annals of Statistics 2018, Theorem 2.1: lambda = D / n over
         signal-to-noise). It grows with the width, so that wide data is not fitted by heart, and needs no search inside
         the folds. Here D is read off the examples as their mean squared distance from their mean: no scale to set.
Width    Only inner products enter: those of columns, and where these are more than the examples, those of examples.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

FOLDS = 5


def stratified_folds(strata_N: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) the fold of each example, drawn such that a stratum's sizes in two folds differ by at most one."""
    order_N = np.lexsort((rng.random(len(strata_N)), strata_N))
    fold_N = np.empty(len(strata_N), dtype=np.int64)
    fold_N[order_N] = np.arange(len(strata_N)) % folds
    return fold_N


def held_out_predictions(
    x_ND: np.ndarray, labels_N: np.ndarray, fold_N: np.ndarray, weights_N: np.ndarray | None = None,
    gram_NN: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Return (N,) the labels that the classifier fitted on the other folds gives to each fold.

    Args:
        x_ND: (N, D) features in one scale.
        labels_N: (N,) of any values.
        fold_N: (N,) fold of each example; two folds or more.
        weights_N: (N,) positive weight of each example in the fit; None: all count the same.
        gram_NN: inner products of the examples, about any point not far off, where they are known; see `gram`.
    """
    classes, index_N = np.unique(labels_N, return_inverse=True)
    y_NC = np.eye(len(classes))[index_N]
    weights_N = np.ones(len(x_ND)) if weights_N is None else weights_N
    tests = [fold_N == fold for fold in np.unique(fold_N)]
    if gram_NN is None:
        x_ND = x_ND - x_ND.mean(axis=0)
        gram_NN = gram(x_ND)
    found_NC = (
        _by_columns(x_ND, y_NC, weights_N, tests) if gram_NN is None else _by_examples(gram_NN, y_NC, weights_N, tests)
    )
    return classes[found_NC.argmax(axis=1)]


def gram(x_ND: np.ndarray) -> np.ndarray | None:
    """Return (N, N) the inner products of examples; None where columns are fewer, and theirs are what is wanted."""
    return None if x_ND.shape[1] < len(x_ND) else x_ND @ x_ND.T


def balanced_accuracy(predicted_N: np.ndarray, labels_N: np.ndarray) -> float:
    """Return the mean over the classes present of the share of their examples that is right."""
    right_N = predicted_N == labels_N
    return float(np.mean([right_N[labels_N == label].mean() for label in np.unique(labels_N)]))


def domain_accuracy(
    xs_ND: np.ndarray, xt_MD: np.ndarray, folds: int, rng: np.random.Generator, gram_PP: np.ndarray | None = None
) -> float:
    """Return the cross-validated balanced accuracy in [0, 1] of telling two domains apart, both of two or more examples."""
    domain_P = np.repeat([0, 1], [len(xs_ND), len(xt_MD)])
    fold_P = stratified_folds(domain_P, folds, rng)
    x_PD = np.concatenate([xs_ND, xt_MD])
    said_P = held_out_predictions(x_PD, domain_P, fold_P, equal_shares(domain_P), gram_PP)
    return balanced_accuracy(said_P, domain_P)


def equal_shares(group_N: np.ndarray) -> np.ndarray:
    """Return (N,) weights of mean 1 with which every group (0, 1, ...) counts the same as a whole."""
    size_G = np.bincount(group_N)
    return len(group_N) / ((size_G > 0).sum() * size_G[group_N])


def _by_columns(x_ND: np.ndarray, y_NC: np.ndarray, weights_N: np.ndarray, tests: list[np.ndarray]) -> np.ndarray:
    """Return (N, C) the scores of each fold, fitted on all others, with an intercept that is not penalised."""
    width, found_NC = x_ND.shape[1], np.empty(y_NC.shape)
    # products of all columns with each other, those of a 1 among them: what is fitted on is the whole less the fold
    all_NE = np.hstack([x_ND, np.ones((len(x_ND), 1)), y_NC])
    parts = [_scatter(all_NE[test_N], weights_N[test_N]) for test_N in tests]
    whole_EE = sum(parts)
    for test_N, part_EE in zip(tests, parts, strict=True):
        scatter_EE = whole_EE - part_EE
        mean_E = scatter_EE[width] / scatter_EE[width, width]
        centred_DE = scatter_EE[:width] / scatter_EE[width, width] - np.outer(mean_E[:width], mean_E)
        slope_DC = _penalised(centred_DE[:, :width], centred_DE[:, width + 1 :], int((~test_N).sum()))
        found_NC[test_N] = (x_ND[test_N] - mean_E[:width]) @ slope_DC + mean_E[width + 1 :]
    return found_NC


def _by_examples(gram_NN: np.ndarray, y_NC: np.ndarray, weights_N: np.ndarray, tests: list[np.ndarray]) -> np.ndarray:
    """Do as `_by_columns`, from inner products of examples: for wide features."""
    found_NC = np.empty(y_NC.shape)
    for test_N in tests:
        told, fit = np.flatnonzero(test_N), np.flatnonzero(~test_N)
        share_N = np.where(test_N, 0.0, weights_N)
        share_N /= share_N.sum()
        mean_N = gram_NN @ share_N  # inner products with the mean of what is fitted on
        mean_N -= share_N @ mean_N / 2
        root_T, mean_C = np.sqrt(share_N[fit])[:, None], share_N @ y_NC
        normal_TT = _centred(gram_NN, mean_N, fit, fit)
        normal_TT *= root_T
        normal_TT *= root_T.T
        weight_TC = _penalised(normal_TT, root_T * (y_NC[fit] - mean_C), len(fit))
        found_NC[told] = _centred(gram_NN, mean_N, told, fit) @ (root_T * weight_TC) + mean_C
    return found_NC


def _centred(gram_NN: np.ndarray, mean_N: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return some rows and columns of inner products, less what `mean_N` has of each."""
    found = gram_NN[np.ix_(rows, columns)]
    found -= mean_N[rows, None]
    found -= mean_N[columns]
    return found


def _scatter(all_NE: np.ndarray, weights_N: np.ndarray) -> np.ndarray:
    """Return (E, E) the weighted sum of the products of all columns with each other."""
    rooted_NE = np.sqrt(weights_N)[:, None] * all_NE
    return rooted_NE.T @ rooted_NE


def _penalised(normal_KK: np.ndarray, along_KC: np.ndarray, n: int) -> np.ndarray:
    """Return (K, C) the solution of the normal equations with the penalty, which is their trace over the n examples."""
    penalty = max(np.trace(normal_KK), 1e-12) / n
    np.fill_diagonal(normal_KK, normal_KK.diagonal() + penalty)
    return lapack.dposv(normal_KK.T, along_KC, overwrite_a=True)[1]  # symmetric: LAPACK takes the columns as they lie
