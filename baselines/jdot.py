"""Joint distribution optimal transport: a plan by inputs and labels, and a classifier of the target, each for the other.

Paper    Courty, Flamary, Habrard & Rakotomamonjy, Joint Distribution Optimal Transportation for Domain Adaptation,
         NeurIPS 2017, arXiv:1705.08848; code: github.com/rflamary/JDOT
Loss     min over plans g and classifiers p of sum_ij g_ij ((1 - weight) |x_i - z_j|^2 / mean - weight log p(y_i | z_j)),
         in turn: the plan is exact, the classifier is fitted on target row j as class c with the weight M sum of g_ij
         over y_i = c. The first plan is by inputs alone
Uses     source labels, through the plan alone: the classifier sees no source row; target inputs; shots, where there are any,
         join its examples with weight 1
Departs  1. the label cost is the cross-entropy of the classifier's confidences, at most 28 (code: squared hinge)
         2. input costs are divided by their mean and mixed by `weight` (code: divided by their median, times alpha)
         3. the classifier is the recipe's, its C chosen on the source (paper: kernel machines and networks)
         4. rounds stop where the plan sends the labels of the round before: further classifiers would be the same. It may
            still exchange source rows of one class, at no cost
         5. weights below 1e-6 of the largest are left out
See      conf/method/jdot.yaml, docs/methods/jdot.md, tests/baselines/test_jdot.py
"""

from typing import Any, Self

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.functional.transport import exact_plan, need_pot, scaled_cost
from tlbench.method import EstimatorMethod
from tlbench.method.soft_labels import fit_to_shares
from tlbench.tasks import Task

LEAST = 1e-12
"""Confidence below which a label costs no more: a classifier may give none at all."""
STILL = 1e-9
"""Share of the mass: labels of which no more moves are those of the round before, but for rounding."""


class Jdot(EstimatorMethod):
    family = "feature"
    draws = False

    def __init__(self, *, weight: float, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        need_pot("jdot")
        if not 0 <= weight < 1 or rounds < 1:
            raise TlbenchError(
                f"method.weight must be at least 0 and below 1 and method.rounds 1 or more, got {weight} and {rounds}. "
                "Set by method.weight=... and method.rounds=..."
            )
        self.weight, self.rounds = weight, rounds

    def fit(self, task: Task) -> Self:
        labels_N = task.source.labels
        inputs_NM = scaled_cost(task.source.inputs, task.target, np.mean)
        cost_NM, plan_NM, sent_MC = inputs_NM, np.zeros_like(inputs_NM), np.zeros((inputs_NM.shape[1], task.n_classes))
        self.history = []
        for _ in range(self.rounds):
            before_NM, plan_NM = plan_NM, exact_plan(cost_NM)
            change = float(np.abs(plan_NM - before_NM).sum() / (2 if self.history else 1))
            known_MC, sent_MC = sent_MC, sent_labels(plan_NM, labels_N, task.n_classes)
            if np.abs(sent_MC - known_MC).sum() <= 2 * STILL * len(sent_MC):
                self.history.append({**self.history[-1], "plan_changed": change})
                break
            fit_to_shares(self.classifier, task.target, sent_MC, task.shots)
            given_MC = self.classifier.predict_proba(task.target)
            cost_NM = joint_cost(inputs_NM, labels_N, given_MC, self.weight)
            agree = given_MC.argmax(axis=1) == sent_MC.argmax(axis=1)
            self.history.append(
                {"plan_changed": change, "cost": float((plan_NM * cost_NM).sum()), "agrees": float(agree.mean())}
            )
        return self


def sent_labels(plan_NM: np.ndarray, labels_N: np.ndarray, n_classes: int) -> np.ndarray:
    """Return (M, C) the classes that a plan sends to each target row, as shares: rows sum to 1 where columns sum to 1/M."""
    return plan_NM.shape[1] * plan_NM.T @ np.eye(n_classes)[labels_N]


def joint_cost(inputs_NM: np.ndarray, labels_N: np.ndarray, given_MC: np.ndarray, weight: float) -> np.ndarray:
    """Return (N, M) (1 - weight) input cost + weight cross-entropy of the label y_i under p(. | z_j), given: (M, C)."""
    return (1 - weight) * inputs_NM - weight * np.log(np.maximum(given_MC, LEAST)).T[labels_N]
