"""Methods fitted on feature arrays: closed forms, boosting, kernels."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.data.inputs import pooled
from tlbench.errors import TlbenchError
from tlbench.method.base import Method

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task


class EstimatorMethod(Method, ABC):
    """Base of estimator methods. Inputs are (N, D) rows, dense float64 or sparse.

    Args:
        classifier: the recipe's classifier, not fitted; the reference gets the same.

    Attributes:
        built_on: the classifier that the method is a form of; the recipe must have it, so that the reference is its plain form.
        model_keeps_classifier: its `source_model` holds the recipe's classifier as fitted, and whatever examples that keeps.
        needs_graded: it works with how sure the classifier is, so one that is always sure is refused.
        history: what `fit` wants to be kept of each of its rounds, {name: value} a round; none by default.

    Raises:
        TlbenchError: the class predicts without a look at the domain, as methods once did.
    """

    learner = "estimator"
    built_on: ClassVar[type[Any]] = FeatureClassifier
    model_keeps_classifier: ClassVar[bool] = True
    needs_graded: ClassVar[bool] = False

    def __init__(self, *, classifier: FeatureClassifier) -> None:
        _check_domain(self)
        self.classifier = classifier
        self.history: list[dict[str, float]] = []

    @abstractmethod
    def fit(self, task: Task) -> Self:
        """Fit on what the task shows; return the method itself."""

    def source_model(self, task: Task) -> Any:
        """Return what the owner of a private source gives away: the recipe's classifier fitted on it, that of `source_only`.

        A method that is `source_free` and needs something else returns that here. It must hold no source example.
        """
        return copy.copy(self.classifier).fit(task.source.inputs, task.source.labels)

    @classmethod
    def private_refusal(cls, parameters: Mapping[str, Any], *, shots: bool) -> str | None:
        """Return why a `source_free` method cannot do without source examples under these parameters; None if it can.

        Args:
            parameters: the method's config.
            shots: whether there are labelled target examples.
        """
        return None

    def given_model(self, task: Task) -> Any:
        """Return the source's model: its owner's where the source is private, else made here."""
        return self.source_model(task) if task.model is None else task.model

    def first_classifier(self, task: Task) -> FeatureClassifier:
        """Return the classifier that adaptation starts from: fitted on source and shots, or a private source's own."""
        if task.model is not None:
            return task.model
        return self.classifier.fit(*pooled(self.labelled(task)))

    def forget(self) -> None:
        """Let go of what prediction does not need: training examples, kernels of them. Called before the method is kept."""
        self.classifier.forget()

    def features(self, x_ND: Rows, domain: str) -> Rows:
        """Return rows of the `source` or the `target` as the classifier gets them; a method that maps them overrides it."""
        return x_ND

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        """Return (N, C) class probabilities of examples of the `source` or the `target`; the classifier on their `features`."""
        return self.classifier.predict_proba(self.features(x_ND, domain))

    @property
    def predicts_features(self) -> bool:
        """Whether `predict_proba` is no other than the classifier on `features`."""
        return type(self).predict_proba is EstimatorMethod.predict_proba

    def seen(self, x_ND: Rows, domain: str) -> tuple[Rows, np.ndarray]:
        """Return features and class probabilities of examples; both of one map of them where that is all."""
        rows_NK = self.features(x_ND, domain)
        if self.predicts_features:
            return rows_NK, self.classifier.predict_proba(rows_NK)
        return rows_NK, self.predict_proba(x_ND, domain)


def _check_domain(method: EstimatorMethod) -> None:
    try:
        signature(method.predict_proba).bind(None, domain="source")
    except TypeError as error:
        raise TlbenchError(
            f"{type(method).__name__}.predict_proba takes no domain, so source validation would be predicted as the target. "
            'Write predict_proba(self, x_ND, domain="target"), or leave it to EstimatorMethod and override features.'
        ) from error
