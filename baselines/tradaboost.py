"""TrAdaBoost: boost on pooled source and labelled target examples; source examples that err lose weight.

Paper    Dai et al., Boosting for Transfer Learning, ICML 2007, algorithm 1
Weights  source: w * beta^[h(x) != y], beta = 1 / (1 + sqrt(2 ln n / rounds)), n source examples;
         target: w * beta_t^-[h(x) != y], beta_t = e_t / (1 - e_t), e_t the weighted error on the target shots
         `loss: samme` (Zhu et al., Statistics and Its Interface 2009): beta_t = e_t / ((1 - e_t) (C - 1)), chance is 1 - 1 / C;
         `dynamic: true` (Al-Stouhi & Reddy, ECML PKDD 2011): the whole source times what the shots' mass grew by, which is
         2 (1 - e_t), under samme C (1 - e_t)
Vote     the last half of the rounds: class with the largest sum of ln(1 / beta_t) over rounds that say it
Uses     source labels; the labelled target shots; no unlabelled target examples
Departs  1. several classes: 0/1 loss |h - c| = [h != c] and a vote by class. With two classes this is the paper's vote
            (a tie goes to the lower class, the paper's to class 1)
         2. e_t >= 1/2 (samme: 1 - 1 / C), or less than 1e-9 below it: taken as that, so the round has no say and leaves the
            target weights (paper: "must be less"). Reweighting brings a learner that comes again there, but for rounding
         3. e_t below 1 / (2m), zero above all: taken as 1 / (2m), half an example of m shots, so that no vote is infinite
         4. all rounds of the vote without a say: they vote equally
         5. dynamic: the factor is what it comes to with e_t kept within these bounds, 1 where no shot changes its weight (paper:
            2 (1 - e_t) whatever e_t is)
         6. the base learner is the recipe's classifier (paper: SVM); weights reach it scaled to mean 1
Note     where the base learner fits the pool without an error (a linear SVM in 800 dimensions, say), no weight ever
         changes, and this is source_and_target. The run's history shows it: `target_error`, `source_error` (unweighted)
         and `source_share` (of the weights) of each round
See      conf/method/tradaboost.yaml, docs/methods/tradaboost.md, tests/baselines/test_tradaboost.py
"""

import copy
from typing import Any, ClassVar, Self

import numpy as np

from tlbench.data.inputs import stack
from tlbench.functional.boosting import classes_of, growing_alike, reweighted, target_beta, voting_from, weighted_error
from tlbench.method import BoostedMethod
from tlbench.tasks import Task


class TrAdaBoost(BoostedMethod):
    revision = 2
    later: ClassVar[dict[str, Any]] = {"loss": "paper", "dynamic": False}

    def __init__(self, *, dynamic: bool = False, **base: Any) -> None:
        super().__init__(**base)
        self.dynamic = dynamic

    def fit(self, task: Task) -> Self:
        shots, n = self.shots_of(task), len(task.source)
        x, y = stack([task.source.inputs, shots.inputs]), np.concatenate([task.source.labels, shots.labels])
        weights, wrong, classes = np.ones(len(y)), np.ones(len(y), dtype=bool), classes_of(self.loss, y)
        self.learners, self.votes, self.history = [], [], []
        for _ in range(self.rounds):
            if wrong.any():  # else the weights are as they were, and so would the learner be
                learner = copy.copy(self.classifier).fit(x, y, weights * len(y) / weights.sum())
                wrong = learner.predict_proba(x).argmax(axis=1) != y
            beta_t = target_beta(weights[n:], wrong[n:], classes)
            self.history.append(
                {
                    "target_error": weighted_error(weights[n:], wrong[n:]),
                    "source_error": float(wrong[:n].mean()),
                    "source_share": float(weights[:n].sum() / weights.sum()),
                }
            )
            before, weights = weights, reweighted(weights, wrong, n, self.rounds, beta_t)
            if self.dynamic:
                weights = growing_alike(before, weights, n)
            weights /= weights.sum()  # only ratios count, and hundreds of rounds would overflow
            self.learners.append(learner)
            self.votes.append(-np.log(beta_t))
        return self

    def first_to_vote(self) -> int:
        return voting_from(self.rounds)
