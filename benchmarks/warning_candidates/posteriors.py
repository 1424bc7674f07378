"""What many classifiers' words make likely of each example's class, without any label."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax

SMALLEST = 1e-3
STRENGTH = 0.5
DIAGONAL = 1.0


def dawid_skene(
    said_VN: np.ndarray, n_classes: int, rounds: int = 30, known: Mapping[int, int] | None = None
) -> np.ndarray:
    """Return class probabilities (N, C) by which each of V voters has a confusion matrix of its own, started from their shares.

    Paper    Dawid & Skene, Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics 1979;
             with a Dirichlet prior on each row of a matrix as in Kay et al., Consensus-Driven Active Model Selection, ICCV 2025,
             arXiv:2507.23771, whose consensus this is before any label
    Departs  1. the prior is the same for all voters: 0.5 a class, 1 more for the right one

    Args:
        said_VN: class that each voter gives to each example.
        known: true classes of some examples, by row.
    """
    one_VNC, rows, true = np.eye(n_classes)[said_VN], list(known or {}), list((known or {}).values())
    found_NC = one_VNC.mean(axis=0)
    for _ in range(rounds):
        found_NC[rows] = np.eye(n_classes)[true]
        confusion_VCK = (
            np.einsum("nc,vnk->vck", found_NC, one_VNC, optimize=True) + STRENGTH + DIAGONAL * np.eye(n_classes)
        )
        log_VCK = np.log(confusion_VCK / confusion_VCK.sum(axis=2, keepdims=True))
        prior_C = (found_NC.sum(axis=0) + 1) / (len(found_NC) + n_classes)
        said = sum(log_CK[:, said_N].T for log_CK, said_N in zip(log_VCK, said_VN, strict=True))
        found_NC = softmax(np.log(prior_C) + said, axis=1)
    return found_NC


def score_mixture(says_VNC: np.ndarray, rounds: int = 20, dimensions: int = 8) -> np.ndarray:
    """Return class probabilities (N, C) of a mixture with one kernel density a class over all classifiers' scores.

    Paper    Shanmugam et al., Evaluating multiple models using labeled and unlabeled data, 2025, arXiv:2501.11866 (here
             without any label)
    Departs  1. densities over up to 8 principal components of the centred log ratios, with Scott's bandwidth
             2. an example is no part of its own density, else it would confirm itself

    Args:
        says_VNC: class probabilities of each classifier for each example.
    """
    log_VNC = np.log(np.maximum(says_VNC, SMALLEST))
    ratios_VNC = log_VNC - log_VNC.mean(axis=2, keepdims=True)
    rows = ratios_VNC.transpose(1, 0, 2).reshape(says_VNC.shape[1], -1)
    left, sizes, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    x_NK = (left * sizes)[:, :dimensions]
    width = max(len(x_NK) ** (-1 / (x_NK.shape[1] + 4)) * float(np.sqrt(x_NK.var(axis=0).mean())), 1e-9)
    near_NN = np.exp(-cdist(x_NK, x_NK, "sqeuclidean") / (2 * width**2))
    np.fill_diagonal(near_NN, 0.0)
    found_NC = says_VNC.mean(axis=0)
    for _ in range(rounds):
        shares_C = found_NC.mean(axis=0)
        density_NC = near_NN @ found_NC / np.maximum(found_NC.sum(axis=0), 1e-9)
        joint_NC = shares_C * density_NC + np.finfo(float).tiny
        found_NC = joint_NC / joint_NC.sum(axis=1, keepdims=True)
    return found_NC


def lead(found_NC: np.ndarray, own_N: np.ndarray, reference_N: np.ndarray) -> float:
    """Return how much more the classes of one than those of the other are held for right, per example where they differ."""
    rows = np.flatnonzero(own_N != reference_N)
    if not len(rows):
        return 0.0
    return float((found_NC[rows, own_N[rows]] - found_NC[rows, reference_N[rows]]).mean())
