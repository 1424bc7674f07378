"""Boosting with examples of a source: weights that these lose and labelled target examples gain, and the vote of rounds."""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-9
"""Errors that are less below chance are at chance: a vote made of rounding would decide where no other round has one."""
LOSSES = ("paper", "samme")
"""`paper`: chance is 1/2, as with two classes. `samme`: it is 1 - 1 / classes (Zhu et al., Statistics and Its Interface 2009)."""


def classes_of(loss: str, labels: np.ndarray) -> int:
    """Return the number of classes whose chance a loss goes by: those of the labels under `samme`, else 2."""
    return max(2, len(np.unique(labels))) if loss == "samme" else 2


def source_beta(n: int, rounds: int) -> float:
    """Return beta = 1 / (1 + sqrt(2 ln n / rounds)) for n source examples (TrAdaBoost, algorithm 1)."""
    return 1.0 / (1.0 + np.sqrt(2.0 * np.log(n) / rounds))


def weighted_error(weights_M: np.ndarray, wrong_M: np.ndarray) -> float:
    """Return the share of the weights that wrong examples have."""
    return float(weights_M[wrong_M].sum() / weights_M.sum())


def target_beta(weights_M: np.ndarray, wrong_M: np.ndarray, classes: int = 2) -> float:
    """Return beta_t = e_t / ((1 - e_t) (classes - 1)) of the weighted error on m examples; -ln beta_t is the learner's vote.

    e_t is kept within [1 / (2m), 1 - 1 / classes], at whose upper end, and less than 1e-9 below it, beta_t is 1: no say.
    """
    error = max(weighted_error(weights_M, wrong_M), 1.0 / (2 * len(weights_M)))
    return 1.0 if error >= 1 - 1 / classes - ROUNDING else error / ((1.0 - error) * (classes - 1))


def reweighted(weights: np.ndarray, wrong: np.ndarray, n: int, rounds: int, beta_t: float) -> np.ndarray:
    """Return the weights of the next round; the first n rows are the source. Only wrong rows change."""
    factor = np.where(np.arange(len(weights)) < n, source_beta(n, rounds), 1.0 / beta_t)
    return np.where(wrong, weights * factor, weights)


def growing_alike(before: np.ndarray, after: np.ndarray, n: int) -> np.ndarray:
    """Return `after` with its first n rows, the source, times the factor by which the mass of the others grew from `before`.

    That factor is classes (1 - e_t) where e_t is within the bounds of `target_beta`, and 1 where no shot changes its weight: an
    example of the source that is right keeps its share (Al-Stouhi & Reddy, ECML PKDD 2011).
    """
    return np.concatenate([after[:n] * (after[n:].sum() / before[n:].sum()), after[n:]])


def voting_from(rounds: int) -> int:
    """Return the index (from 0) of the first round that votes: round ceil(N / 2) of rounds 1..N."""
    return -(-rounds // 2) - 1


def voted(says_TNC: np.ndarray, votes_T: np.ndarray) -> np.ndarray:
    """Return (N, C) shares of the vote. says: (T, N, C) one-hot classes; votes: (T,) ln(1 / beta_t) >= 0, equal if all are 0."""
    if not votes_T.any():
        votes_T = np.ones_like(votes_T)
    return np.tensordot(votes_T / votes_T.sum(), says_TNC, axes=1)


def one_hot(probabilities_NC: np.ndarray) -> np.ndarray:
    """Return (N, C) with 1 at the most probable class."""
    return np.eye(probabilities_NC.shape[1])[probabilities_NC.argmax(axis=1)]
