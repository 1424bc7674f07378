"""Wasserstein barycentre transport: several sources become one set between them, and that is transported to the target.

Paper    Montesuma & Mboula, Wasserstein Barycenter for Multi-Source Domain Adaptation, CVPR 2021
Map      b: S rows with class shares p, S the sources' mean size, least mean over sources of the exact transport cost with
         |b - x|^2 / mean + label |p - y|^2 / 2; then b_i -> mean of the target rows that an entropic plan sends it to
Uses     source labels and domains; target inputs; shots, where there are any, join the moved rows as they are
Departs  1. its rows have shares of classes, which plans mix as they mix rows, and which weigh them in the fit (paper: a
            class each, kept from the start)
         2. plans to the sources are exact (paper: entropic), and costs are divided by their mean
         3. it starts from rows of the sources, drawn (paper: at random by class)
         4. rows of source validation move by as much as the nearest row of the barycentre
         5. the classifier is the recipe's (paper: a linear SVM). What is said of the paper is from memory
See      conf/method/wbt.yaml, docs/methods/wbt.md, tests/baselines/test_wbt.py
"""

from typing import Any, Self

import numpy as np

from tlbench.data.inputs import dense
from tlbench.functional.labelled_barycentre import labelled_barycentre
from tlbench.functional.transport import entropic_plan
from tlbench.method import TransportedMethod
from tlbench.method.checks import above_zero, at_least
from tlbench.method.soft_labels import fit_to_shares
from tlbench.seeds import stream
from tlbench.tasks import Task


class Wbt(TransportedMethod):
    family = "feature"
    weighs = True

    def __init__(self, *, label: float, rounds: int, reg: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, label=label)
        at_least(1, rounds=rounds)
        above_zero(reg=reg)
        self.label, self.rounds, self.reg = label, rounds, reg

    def plan(self, cost_NM: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
        return entropic_plan(cost_NM, self.reg)

    def fit(self, task: Task) -> Self:
        sources, n = task.sources, len(task.source)
        draw = stream(self.classifier.seed, "wbt").choice(n, round(n / len(sources)), replace=False)
        rows_SD, shares_SC, self.history = labelled_barycentre(
            [dense(part.inputs) for part in sources],
            [np.eye(task.n_classes)[part.labels] for part in sources],
            np.sort(draw),
            label=self.label,
            rounds=self.rounds,
        )
        images_SD = self.learn(rows_SD, shares_SC, dense(task.target))
        fit_to_shares(self.classifier, images_SD, shares_SC, task.shots)
        return self
