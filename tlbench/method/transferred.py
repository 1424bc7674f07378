"""Estimator methods that transfer a model: a linear classifier of the source, and few labelled target examples to move it by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import softmax

from tlbench.classifiers.linear_model import LinearModel, linear_fit
from tlbench.data.inputs import dense
from tlbench.errors import Refused
from tlbench.method.checks import at_least
from tlbench.method.estimator import EstimatorMethod

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task


class TransferredMethod(EstimatorMethod, ABC):
    """Base of such methods: they say what becomes of the source's model under the shots.

    No source example has a part in it but through that model, and no unlabelled target example at all. Classes without a shot
    get probability 0. Confidences are a softmax of the scores.

    Args:
        strength: how much the source's model counts, >= 0; each method says of what it is the weight.

    Attributes:
        model: of the target, after `fit`; it holds no example of either domain.
    """

    family = "parameter"
    draws = False
    needs_shots = True
    source_free = True
    model_keeps_classifier = False

    def __init__(self, *, strength: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, strength=strength)
        self.strength = strength
        if type(self.classifier) is not self.built_on:
            raise Refused(
                f"{_name(self)} is a form of {self.built_on.config_name}. Use classifier={self.built_on.config_name}."
            )

    @abstractmethod
    def adapt(
        self, source: LinearModel, x_MD: np.ndarray, labels_M: np.ndarray
    ) -> tuple[LinearModel, dict[str, float]]:
        """Return the target's model, and what of it is to be kept in the history.

        Args:
            source: of the classes that have shots, 0 where the source lacks one.
            x_MD, labels_M: the shots, of two classes or more.
        """

    def source_model(self, task: Task) -> LinearModel:
        """Return the recipe's classifier fitted on the source. Nowhere else are source examples read."""
        return linear_fit(self.classifier, task.source.inputs, task.source.labels)

    def fit(self, task: Task) -> Self:
        if task.shots is None or len(np.unique(task.shots.labels)) < 2:
            raise Refused(
                f"{_name(self)} needs labelled target examples of two classes or more. Set protocol.shots=3, say."
            )
        x_MD, labels_M = dense(task.shots.inputs), task.shots.labels
        source = self.given_model(task).of(np.unique(labels_M))
        says_M = source.seen_K[source.decision(x_MD).argmax(axis=1)]
        self.model, told = self.adapt(source, x_MD, labels_M)
        self.history = [{"source_error": float((says_M != labels_M).mean()), **told}]
        return self

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        return self.classifier.in_columns(softmax(self.model.decision(x_ND), axis=1), self.model.seen_K)


def _name(method: EstimatorMethod) -> str:
    return type(method).__module__.rpartition(".")[2]
