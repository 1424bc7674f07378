"""CORAL in closed form: recolour the source features to the target's covariance, then a classifier.

Paper    Sun, Feng & Saenko, Return of Frustratingly Easy Domain Adaptation, AAAI 2016, arXiv:1511.05547, algorithm 1
Map      X_s (C_s + I)^(-1/2) (C_t + I)^(1/2), the classifier fitted on it and applied to X_t as it is
Uses     source labels; target inputs only; shots, where there are any, join the mapped source as they are
Departs  1. none in the map. `variant: kernel` is what the authors' code computes instead: the map A inside the SVM's kernel,
            on one side of it, Xs A Xs' for training and Xs A Xt' for the test, which is not symmetric
         2. the classifier is the recipe's, its C chosen on the source as it is (paper: linear SVM, C chosen on the mapped)
See      conf/method/coral_linear.yaml, docs/methods/coral_linear.md, tests/baselines/test_coral_linear.py
"""

from typing import Any, Self

import numpy as np

from tlbench.classifiers.estimators import LinearSVM
from tlbench.data.inputs import Rows, dense
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.powers import recolour, times_power
from tlbench.method import EstimatorMethod
from tlbench.method.checks import above_zero
from tlbench.tasks import Task

VARIANTS = ("map", "kernel")


class CoralLinear(EstimatorMethod):
    family = "feature"
    draws = False
    revision = 2

    def __init__(self, *, ridge: float, variant: str = "map", **base: Any) -> None:
        super().__init__(**base)
        above_zero(ridge=ridge)
        if variant not in VARIANTS:
            raise TlbenchError(f"method.variant must be one of {', '.join(VARIANTS)}, got {variant!r}.")
        if variant == "kernel" and type(self.classifier) is not LinearSVM:
            raise Refused(
                "method.variant=kernel is a kernel of a linear SVM. Use classifier=linear_svm, or method.variant=map."
            )
        self.ridge, self.variant = ridge, variant

    def fit(self, task: Task) -> Self:
        self.source, self.target = dense(task.source.inputs), dense(task.target)
        blocks = [recolour(self.source, self.target, self.ridge)]
        labels = [task.source.labels]
        if self.variant == "kernel":
            return self._fit_kernel(task, blocks[0])
        if task.shots is not None:
            blocks.append(dense(task.shots.inputs))
            labels.append(task.shots.labels)
        self.classifier.fit(np.concatenate(blocks), np.concatenate(labels))
        return self

    def _fit_kernel(self, task: Task, mapped_ND: np.ndarray) -> Self:
        if task.shots is not None:
            raise Refused("method.variant=kernel has no place for labelled target examples. Use method.variant=map.")
        self.mapped = mapped_ND
        assert isinstance(self.classifier, LinearSVM)
        self.classifier.fit_kernel(mapped_ND @ self.source.T, task.source.labels)
        return self

    def features(self, x_ND: Rows, domain: str) -> np.ndarray:
        x_ND = dense(x_ND)
        if domain == "target":
            return x_ND
        return times_power(times_power(x_ND, self.source, self.ridge, -0.5), self.target, self.ridge, 0.5)

    @property
    def predicts_features(self) -> bool:
        return self.variant == "map"

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        if self.variant == "kernel":  # the map is on the training examples' side alone
            assert isinstance(self.classifier, LinearSVM)
            return self.classifier.proba_of_kernel(dense(x_ND) @ self.mapped.T)
        return super().predict_proba(x_ND, domain)
