"""TrAdaBoost: boost on pooled source and labelled target examples; source examples that err lose weight.

Paper    Dai et al., Boosting for Transfer Learning, ICML 2007, algorithm 1
Weights  source: w * beta^[h(x) != y], beta = 1 / (1 + sqrt(2 ln n / rounds)), n source examples;
         target: w * beta_t^-[h(x) != y], beta_t = e_t / (1 - e_t), e_t the weighted error on the target shots
Vote     the last half of the rounds: class with the largest sum of ln(1 / beta_t) over rounds that say it
Uses     source labels; the labelled target shots; no unlabelled target examples
Departs  1. several classes: 0/1 loss |h - c| = [h != c] and a vote by class. With two classes this is the paper's vote
            (a tie goes to the lower class, the paper's to class 1)
         2. e_t >= 1/2, or less than 1e-9 below it: taken as 1/2, so the round has no say and leaves the target weights (paper:
            "must be less"). Reweighting brings the error of a learner that comes again to 1/2, but for rounding
         3. e_t below 1 / (2m), zero above all: taken as 1 / (2m), half an example of m shots, so that no vote is infinite
         4. all rounds of the vote at e_t >= 1/2: they vote equally
         5. the base learner is the recipe's classifier (paper: SVM); weights reach it scaled to mean 1
Note     where the base learner fits the pool without an error (a linear SVM in 800 dimensions, say), no weight ever
         changes, and this is source_and_target. The run's history shows it: `target_error`, `source_error` (unweighted)
         and `source_share` (of the weights) of each round
See      conf/method/tradaboost.yaml, docs/methods/tradaboost.md, tests/baselines/test_tradaboost.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.data.inputs import Rows, stack
from tlbench.errors import Refused, TlbenchError
from tlbench.method import EstimatorMethod
from tlbench.tasks import Task

HALF = 0.5 - 1e-9
"""Errors from here on are 1/2: a vote made of rounding would decide where no other round has one."""


class TrAdaBoost(EstimatorMethod):
    family = "instance"
    draws = False
    revision = 2
    needs_shots = True

    def __init__(self, *, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        if rounds < 1:
            raise TlbenchError(f"method.rounds must be 1 or more, got {rounds}. Set by method.rounds=...")
        self.rounds = rounds

    def fit(self, task: Task) -> Self:
        if task.shots is None:
            raise Refused(
                "tradaboost needs labelled target examples, but protocol.shots is 0. Set protocol.shots=3, say."
            )
        n, m = len(task.source), len(task.shots)
        x, y = stack([task.source.inputs, task.shots.inputs]), np.concatenate([task.source.labels, task.shots.labels])
        weights, wrong = np.ones(n + m), np.ones(n + m, dtype=bool)
        self.learners, self.votes, self.history = [], [], []
        for _ in range(self.rounds):
            if wrong.any():  # else the weights are as they were, and so would the learner be
                learner = copy.copy(self.classifier).fit(x, y, weights * (n + m) / weights.sum())
                wrong = learner.predict_proba(x).argmax(axis=1) != y
            beta_t = target_beta(weights[n:], wrong[n:])
            self.history.append(
                {
                    "target_error": float(weights[n:][wrong[n:]].sum() / weights[n:].sum()),
                    "source_error": float(wrong[:n].mean()),
                    "source_share": float(weights[:n].sum() / weights.sum()),
                }
            )
            weights = reweighted(weights, wrong, n, self.rounds, beta_t)
            weights /= weights.sum()  # only ratios count, and hundreds of rounds would overflow
            self.learners.append(learner)
            self.votes.append(-np.log(beta_t))
        return self

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        first = voting_from(self.rounds)
        says_TNC = np.stack([_one_hot(learner.predict_proba(x_ND)) for learner in self.learners[first:]])
        return voted(says_TNC, np.array(self.votes[first:]))


def source_beta(n: int, rounds: int) -> float:
    """Return beta = 1 / (1 + sqrt(2 ln n / rounds)) for n source examples (algorithm 1)."""
    return 1.0 / (1.0 + np.sqrt(2.0 * np.log(n) / rounds))


def target_beta(weights_M: np.ndarray, wrong_M: np.ndarray) -> float:
    """Return beta_t = e_t / (1 - e_t) of the weighted error on the m shots, e_t kept within [1 / (2m), 1/2]; 1 from HALF on."""
    error = max(float(weights_M[wrong_M].sum() / weights_M.sum()), 1.0 / (2 * len(weights_M)))
    return 1.0 if error >= HALF else error / (1.0 - error)


def reweighted(weights: np.ndarray, wrong: np.ndarray, n: int, rounds: int, beta_t: float) -> np.ndarray:
    """Return the weights of the next round; the first n rows are the source. Only wrong rows change."""
    factor = np.where(np.arange(len(weights)) < n, source_beta(n, rounds), 1.0 / beta_t)
    return np.where(wrong, weights * factor, weights)


def voting_from(rounds: int) -> int:
    """Return the index (from 0) of the first round that votes: round ceil(N / 2) of rounds 1..N."""
    return -(-rounds // 2) - 1


def voted(says_TNC: np.ndarray, votes_T: np.ndarray) -> np.ndarray:
    """Return (N, C) shares of the vote. says: (T, N, C) one-hot classes; votes: (T,) ln(1 / beta_t) >= 0."""
    if not votes_T.any():
        votes_T = np.ones_like(votes_T)
    return np.tensordot(votes_T / votes_T.sum(), says_TNC, axes=1)


def _one_hot(probabilities_NC: np.ndarray) -> np.ndarray:
    return np.eye(probabilities_NC.shape[1])[probabilities_NC.argmax(axis=1)]
