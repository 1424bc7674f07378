"""Validators that look at the unlabelled target alone. All say: higher is better. Probabilities are (N, C)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import entr, softmax

from tlbench.selection.view import Mixed

TEMPERATURE = 0.05
AT_ONCE = 1024
"""Rows whose similarities to all others are held in memory at a time."""


def entropy(probabilities_NC: np.ndarray) -> float:
    """Compute minus the mean entropy of the predictions: 1/N sum_i sum_c p_ic log p_ic, in [-log C, 0].

    Used as a validator by Morerio et al., ICLR 2018; the criterion is Grandvalet & Bengio, NeurIPS 2004.
    """
    return -float(entr(_clipped(probabilities_NC)).sum(axis=1).mean())


def diversity(probabilities_NC: np.ndarray) -> float:
    """Compute the entropy of the mean prediction: -sum_c q_c log q_c with q = 1/N sum_i p_i, in [0, log C].

    The balance term of Krause et al., NeurIPS 2010; a validator in Musgrave et al., arXiv:2208.07360.
    """
    return float(entr(_clipped(probabilities_NC).mean(axis=0)).sum())


def im(probabilities_NC: np.ndarray) -> float:
    """Compute diversity + entropy (information maximisation), the mutual information of input and prediction, in [0, log C].

    Krause et al., NeurIPS 2010; Shi & Sha, ICML 2012; a validator in Musgrave et al., arXiv:2208.07360.
    """
    return diversity(probabilities_NC) + entropy(probabilities_NC)


def bnm(probabilities_NC: np.ndarray) -> float:
    """Compute the batch nuclear norm: sum of the singular values of P over its upper bound, |P|_* / sqrt(N min(N, C)), in (0, 1].

    Paper    Cui et al., Towards Discriminability and Diversity: Batch Nuclear-norm Maximization, CVPR 2020
    Departs  1. divided by the paper's bound, so that it does not grow with N
             2. one matrix of all examples, no batches
    """
    p_NC = _clipped(probabilities_NC)
    return float(np.linalg.norm(p_NC, "nuc") / np.sqrt(len(p_NC) * min(p_NC.shape)))


def snd(probabilities_NC: np.ndarray, temperature: float = TEMPERATURE) -> float:
    """Compute soft neighbourhood density: mean entropy of each example's soft neighbours, in [0, log(N - 1)].

        s_ij = <u_i, u_j> with u = p / |p|,  q_i = softmax_{j != i}(s_ij / temperature),  SND = 1/N sum_i H(q_i)

    Paper    Saito et al., Tune it the Right Way: Unsupervised Validation of Domain Adaptation via Soft Neighborhood
             Density, ICCV 2021; on softmax outputs, temperature 0.05, as there
    Departs  1. 0, the worst, for fewer than three examples (an example has one neighbour at most)
    """
    unit_NC, total = _unit_rows(_clipped(probabilities_NC)), 0.0
    if len(unit_NC) < 3:
        return 0.0
    for rows in _pieces(len(unit_NC)):
        near_MN = unit_NC[rows] @ unit_NC.T / temperature
        near_MN[np.arange(len(rows)), rows] = -np.inf
        total += float(entr(softmax(near_MN, axis=1)).sum())
    return total / len(unit_NC)


def class_cluster(features_ND: np.ndarray, probabilities_NC: np.ndarray) -> float:
    """Compute the silhouette of the unit-length target features under the predicted classes (ClassSS), in [-1, 1].

        a_i, b_i = mean distance of i to its own class (without i) and to the nearest other class
        1/N sum_i (b_i - a_i) / max(a_i, b_i), with 0 for an only member of a class and for 0 / 0

    Paper    Musgrave, Belongie & Lim, Three New Validators and a Large-Scale Benchmark Ranking for Unsupervised Domain
             Adaptation, arXiv:2208.07360, 2022 (ClassSS, normalised target features)
    Departs  1. under the predicted classes themselves; the authors' code first runs a k-means from their centres
             2. -1, the worst, where fewer than two classes are predicted (the silhouette is not defined)
    """
    if len(features_ND) != len(probabilities_NC):
        raise ValueError(f"Needs one prediction per row, got {features_ND.shape} and {probabilities_NC.shape}.")
    classes, own_N = np.unique(probabilities_NC.argmax(axis=1), return_inverse=True)
    if len(classes) < 2:
        return -1.0
    unit_ND = _unit_rows(np.asarray(features_ND, dtype=np.float64))
    member_NK = np.eye(len(classes))[own_N]
    # scikit-learn's silhouette turns the rounding of equal rows' distances into a score and holds no bound on memory
    sums_MK = [_distances(unit_ND[rows], unit_ND) @ member_NK for rows in _pieces(len(unit_ND))]
    return _silhouette(np.concatenate(sums_MK), own_N, member_NK.sum(axis=0))


def mixval(probabilities_NC: np.ndarray, mixed: Mixed) -> float:
    """Compute MixVal: are mixed target inputs given the class predicted for their larger part? In [0, 1].

        r_P = [argmax p(mixed) = argmax p(first)]; mean of (share of r over pairs of one predicted class,
        share of r over pairs of two)

    Paper    Hu et al., Mixed Samples as Probes for Unsupervised Model Selection in Domain Adaptation, NeurIPS 2023,
             algorithm 1 (intra- and inter-cluster consistency)
    Departs  1. the mean of both shares: the paper selects from a list of candidates and the authors' code reports the
                two apart, so neither joins them for one model alone
             2. pairs come from `mixing_rows`: each example once in each kind, not as a random order lets them fall
             3. a kind of which there are no pairs counts 0, the worst: no class of two, or one class alone
    """
    said_N = probabilities_NC.argmax(axis=1)
    first_P, second_P = said_N[mixed.first_P], said_N[mixed.second_P]
    kept_P, same_P = mixed.probabilities_PC.argmax(axis=1) == first_P, first_P == second_P
    shares = [kept_P[kind].mean() if kind.any() else 0.0 for kind in (same_P, ~same_P)]
    return float(np.mean(shares))


def _clipped(probabilities_NC: np.ndarray) -> np.ndarray:
    """Clip to [0, 1], in float64: rounding below 0 would make an entropy infinite."""
    if probabilities_NC.ndim != 2 or 0 in probabilities_NC.shape:
        raise ValueError(f"Needs (N, C) probabilities with N >= 1, got {probabilities_NC.shape}.")
    return np.clip(np.asarray(probabilities_NC, dtype=np.float64), 0.0, 1.0)


def _pieces(n: int) -> Iterator[np.ndarray]:
    yield from np.split(np.arange(n), range(AT_ONCE, n, AT_ONCE))


def _unit_rows(x_ND: np.ndarray) -> np.ndarray:
    norm_N1 = np.linalg.norm(x_ND, axis=1, keepdims=True)
    return x_ND / np.where(norm_N1 > 0, norm_N1, 1.0)


def _distances(x_MD: np.ndarray, y_ND: np.ndarray) -> np.ndarray:
    """Return (M, N) Euclidean distances of rows of length 0 or 1; 0 where rounding alone would keep them apart."""
    square_M1, square_1N = (x_MD**2).sum(axis=1)[:, None], (y_ND**2).sum(axis=1)[None, :]
    square_MN = square_M1 + square_1N - 2.0 * x_MD @ y_ND.T
    return np.sqrt(np.where(square_MN > 1e-12, square_MN, 0.0))


def _silhouette(sums_NK: np.ndarray, own_N: np.ndarray, size_K: np.ndarray) -> float:
    """Compute the mean silhouette from each row's sum of distances to each class, its own class and the sizes of the classes."""
    rows = np.arange(len(own_N))
    inside_N = sums_NK[rows, own_N] / np.maximum(size_K[own_N] - 1, 1)
    other_NK = sums_NK / size_K
    other_NK[rows, own_N] = np.inf
    nearest_N = other_NK.min(axis=1)
    larger_N = np.maximum(inside_N, nearest_N)
    counts_N = (size_K[own_N] > 1) & (larger_N > 0)
    return float(np.where(counts_N, nearest_N - inside_N, 0.0) @ (1.0 / np.where(counts_N, larger_N, 1.0)) / len(own_N))
