"""Methods fitted on feature arrays: closed forms, boosting, kernels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.data.domain import Inputs
from tlbench.method.base import Method
from tlbench.task import Task


class EstimatorMethod(Method, ABC):
    """Base of estimator methods. Inputs are (N, D) rows, dense float64 or sparse.

    Args:
        classifier: the recipe's classifier, not fitted; the reference gets the same.

    Attributes:
        history: what `fit` wants to be kept of each of its rounds, {name: value} a round; none by default.
    """

    learner = "estimator"

    def __init__(self, *, classifier: FeatureClassifier) -> None:
        self.classifier = classifier
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def fit(self, task: Task) -> Self:
        """Fits on what the task shows; returns itself."""

    def features(self, x_ND: Inputs, domain: str) -> Inputs:
        """Rows of the `source` or the `target` as the classifier gets them; a method that maps them overrides it."""
        return x_ND

    def predict_proba(self, x_ND: Inputs) -> np.ndarray:
        """(N, C) class probabilities of target examples."""
        return self.classifier.predict_proba(x_ND)
