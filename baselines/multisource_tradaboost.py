"""MultiSource-TrAdaBoost: each round boosts with the one source that helps most on the labelled target examples.

Paper    Yao & Doretto, Boosting for Transfer Learning with Multiple Sources, CVPR 2010, doi 10.1109/CVPR.2010.5539857,
         algorithm 1
Fit      in each round a learner for each source, on it and the shots; the one with the least weighted error e_t on these is kept
Weights  source: w * beta^[h(x) != y], beta = 1 / (1 + sqrt(2 ln n / rounds)), n examples of all sources;
         target: w * beta_t^-[h(x) != y], beta_t = e_t / (1 - e_t); h the learner that is kept
Vote     all rounds: class with the largest sum of ln(1 / beta_t) over rounds that say it
Uses     source labels, and which source each example is of; the labelled target shots; no unlabelled target examples
Departs  1. several classes: 0/1 loss and a vote by class, as in tradaboost; `loss: samme` as there
         2. e_t is kept within [1 / (2m), 1/2], at 1/2 the round has no say; where no round has one they vote equally
         3. the kept learner weighs the examples of all sources (the paper's, from memory); `update: chosen`: of its own alone
         4. of learners that err equally the one with the least weighted log loss on the shots is kept (our choice)
         5. the base learner is the recipe's classifier; weights reach it scaled to mean 1
Note     a learner that fits the shots in the company of any source leaves no error to compare: `target_error` is 0, the surest is
         taken in every round, and the others have no part in it. With one source it is tradaboost with all rounds voting
See      conf/method/multisource_tradaboost.yaml, docs/methods/multisource_tradaboost.md,
         tests/baselines/test_multisource_boosting.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.data.inputs import stack
from tlbench.functional.boosting import classes_of, reweighted, target_beta, weighted_error
from tlbench.method import BoostedMethod
from tlbench.method.checks import one_of
from tlbench.tasks import Task


class MultisourceTrAdaBoost(BoostedMethod):
    revision = 2

    def __init__(self, *, update: str, **base: Any) -> None:
        super().__init__(**base)
        one_of(("all", "chosen"), update=update)
        self.update = update

    def fit(self, task: Task) -> Self:
        shots, n, names = self.shots_of(task), len(task.source), task.source_names
        x, y = stack([task.source.inputs, shots.inputs]), np.concatenate([task.source.labels, shots.labels])
        of_N = np.zeros(n, dtype=int) if task.source_of is None else task.source_of
        pools = [np.append(np.flatnonzero(of_N == place), np.arange(n, len(y))) for place in range(len(names))]
        inputs = [x[pool] for pool in pools]  # each one array in all rounds, by which what fits share is kept
        self.classifier.forget()
        bases = [copy.deepcopy(self.classifier) for _ in pools]
        weights, wrong, classes = np.ones(len(y)), np.ones(len(y), dtype=bool), classes_of(self.loss, y)
        self.learners, self.votes, self.history, times = [], [], [], np.zeros(len(pools))
        for number in range(1, self.rounds + 1):
            if wrong.any():  # else the weights are as they were, and so would the learners be
                found = [
                    copy.copy(base).fit(rows, y[pool], weights[pool] * len(pool) / weights[pool].sum())
                    for base, rows, pool in zip(bases, inputs, pools, strict=True)
                ]
                each = [losses(learner.predict_proba(shots.inputs), shots.labels, weights[n:]) for learner in found]
                best = each.index(min(each))
                wrong = found[best].predict_proba(x).argmax(axis=1) != y
                if self.update == "chosen":
                    wrong[:n] &= of_N == best
            beta_t = target_beta(weights[n:], wrong[n:], classes)
            times[best] += 1
            shares = {f"chosen_{name}": float(time / number) for name, time in zip(names, times, strict=True)}
            self.history.append({"target_error": weighted_error(weights[n:], wrong[n:]), **shares})
            weights = reweighted(weights, wrong, n, self.rounds, beta_t)
            weights /= weights.sum()
            self.learners.append(found[best])
            self.votes.append(-np.log(beta_t))
        return self


def losses(p_MC: np.ndarray, labels_M: np.ndarray, weights_M: np.ndarray) -> tuple[float, float]:
    """Return the weighted error of what is said of the shots and, where that leaves a choice, the weighted log loss."""
    p_M = np.maximum(p_MC[np.arange(len(labels_M)), labels_M], np.finfo(float).tiny)
    return weighted_error(weights_M, p_MC.argmax(axis=1) != labels_M), float(
        -(weights_M * np.log(p_M)).sum() / weights_M.sum()
    )
