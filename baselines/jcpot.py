"""JCPOT: the target's class shares by transport of each source apart, and the labels that those plans send to the target.

Paper    Redko, Courty, Flamary & Tuia, Optimal Transport for Multi-source Domain Adaptation under Target Shift, AISTATS 2019,
         arXiv:1803.04899, section 4
Loss     min over shares h and plans g_k  sum_k <g_k, |x - z|^2 / max> + reg sum g_k log g_k; in g_k a row of class c has the mass
         h_c / (rows of class c in source k), a target row 1/M. Target row z_j is of class c by the mean over k of the mass that
         g_k sends it from class c
Uses     source labels and domains, through the plans alone: the classifier sees no source row; target inputs; shots, where there
         are any, join its examples with weight 1 and say nothing of the shares
Departs  1. the classifier is fitted on the target rows with these labels and predicts (paper: the labels are the prediction)
         2. costs are divided by the largest, so that `reg` means the same on all data
         3. shares are the exact projection, geometric means over a class's rows too (paper, proposition 4, as POT has it: of the
            class's whole mass, by which the iteration stops at shares that do not make the loss least)
         4. a source that lacks a class of another is refused: its masses could not come to 1
See      conf/method/jcpot.yaml, docs/methods/jcpot.md, tests/baselines/test_jcpot.py
"""

from typing import Any, Self

import numpy as np

from tlbench.errors import Refused
from tlbench.functional.target_shares import transported_shares
from tlbench.functional.transport import SAFE_RANGE, scaled_cost
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least
from tlbench.method.soft_labels import fit_to_shares
from tlbench.tasks import Task


class Jcpot(EstimatorMethod):
    family = "feature"
    draws = False
    weighs = True

    def __init__(self, *, reg: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(1 / SAFE_RANGE, reg=reg)  # below it exp(-cost / reg) may be 0
        self.reg = reg

    def fit(self, task: Task) -> Self:
        of_N = np.zeros(len(task.source), dtype=int) if task.source_of is None else task.source_of
        classes_K, label_N = np.unique(task.source.labels, return_inverse=True)
        rows = [np.flatnonzero(of_N == number) for number in np.unique(of_N)]
        for number, own in zip(np.unique(of_N), rows, strict=True):
            if len(lacks := np.setdiff1d(classes_K, task.source.labels[own])):
                raise Refused(
                    f"jcpot needs every class in every source, and {task.source_names[number]} lacks class {lacks[0]}. "
                    "Take another pair, or more of this source: protocol.n_source=..."
                )
        cost_NM = scaled_cost(task.source.inputs, task.target, np.max)
        shares_K, plans = transported_shares([cost_NM[own] for own in rows], [label_N[own] for own in rows], self.reg)
        self.shares, sent_MC = np.zeros(task.n_classes), np.zeros((cost_NM.shape[1], task.n_classes))
        self.shares[classes_K] = shares_K
        for own, plan_NM in zip(rows, plans, strict=True):
            sent_MC[:, classes_K] += plan_NM.T @ np.eye(len(classes_K))[label_N[own]] * (len(sent_MC) / len(plans))
        fit_to_shares(self.classifier, task.target, sent_MC, task.shots)
        agree_M = self.classifier.predict_proba(task.target).argmax(axis=1) == sent_MC.argmax(axis=1)
        self.history = [
            {
                "cost": float(np.mean([(plan * cost_NM[own]).sum() for own, plan in zip(rows, plans, strict=True)])),
                "shifted": float(np.abs(shares_K - np.bincount(label_N) / len(label_N)).sum() / 2),
                "sure": float(sent_MC.max(axis=1).mean()),
                "agrees": float(agree_M.mean()),
            }
        ]
        return self
