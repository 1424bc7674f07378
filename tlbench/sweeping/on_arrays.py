"""Estimator methods on arrays by hand, with the habits of scikit-learn: `fit(X, y, X_target)`, `predict`, `predict_proba`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tlbench.config.arguments import text_of
from tlbench.errors import TlbenchError
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.reference import Reference, SupervisedEstimator
from tlbench.running.setup import Setup
from tlbench.sweeping.commands import composed_run
from tlbench.tasks import Labelled, Task


class TransferEstimator(ClassifierMixin, BaseEstimator):
    """A method that learns from a labelled source and an unlabelled target, as scikit-learn's classifiers are used.

    Args:
        method: name of an estimator method, or of a reference.
        classifier: `linear_svm`, `logistic`, `rbf_svm` or `nearest_neighbour`.
        parameters: settings by their keys, `{"method.dim": 20, "classifier.C": 10.0}`; what is not named has the config's value.
        seed: of whatever is drawn.

    Attributes:
        classes_: (C,) sorted labels.
        method_: the fitted method.
    """

    def __init__(
        self,
        method: str = "coral_linear",
        classifier: str = "linear_svm",
        parameters: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.method, self.classifier, self.parameters, self.seed = method, classifier, parameters, seed

    def fit(self, X: Any, y: Any, X_target: Any = None, X_shots: Any = None, y_shots: Any = None) -> Self:
        """Fit on (N, D) labelled source and (M, D) unlabelled target examples.

        Args:
            X_target: None: the source itself, that is no shift.
            X_shots, y_shots: labelled target examples, for methods that take some.

        Raises:
            TlbenchError: an unknown method or parameter, or one that needs what is not given.
            ValueError: arrays that scikit-learn would not take.
        """
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        shots = None
        if X_shots is not None:
            given = np.searchsorted(self.classes_, y_shots)
            if not np.isin(y_shots, self.classes_).all():
                raise ValueError("y_shots holds a label that y lacks.")
            shots = Labelled(validate_data(self, X_shots, reset=False), given)
        target = X if X_target is None else validate_data(self, X_target, reset=False)
        task = Task(Labelled(X, labels), target, shots, None, len(self.classes_), (X.shape[1],))
        own = tuple(sorted(f"{key}={text_of(value, inside=True)}" for key, value in (self.parameters or {}).items()))
        setup = _setup(self.method, self.classifier, own, int(self.seed))
        if setup.method.needs_shots and shots is None:
            raise TlbenchError(f"{self.method} needs labelled target examples: fit(X, y, X_target, X_shots, y_shots).")
        classifier = setup.made("classifier", n_classes=task.n_classes, seed=self.seed).tuned(X, labels)
        self.method_: EstimatorMethod
        if issubclass(setup.method, Reference):
            reference: Reference = setup.made("method")
            self.method_ = SupervisedEstimator(classifier=classifier, examples=reference.examples(task, None))
        else:
            self.method_ = setup.made("method", classifier=classifier)
        self.method_.fit(task)
        return self

    def predict_proba(self, X: Any, domain: str = "target") -> np.ndarray:
        """Return (N, C) probabilities of examples of the `target` or the `source`."""
        check_is_fitted(self)
        return self.method_.predict_proba(validate_data(self, X, reset=False), domain)

    def predict(self, X: Any, domain: str = "target") -> np.ndarray:
        """Return (N,) labels."""
        proba_NC = self.predict_proba(X, domain)
        return self.classes_[proba_NC.argmax(axis=1)]


@lru_cache(maxsize=64)
def _setup(method: str, classifier: str, parameters: tuple[str, ...], seed: int) -> Setup:
    """Compose the method's and the classifier's configs; the data set of that config is not looked at."""
    where = [
        "dataset=mini_digits",
        "pair=H-P",
        "backbone=identity",
        f"method={method}",
        f"classifier={classifier}",
        f"seed={seed}",
    ]
    setup = composed_run([*where, *parameters], None)
    if setup.shape != "estimator" or setup.method.learner not in ("estimator", "either") or setup.method.oracle:
        raise TlbenchError(
            f"{method} with classifier={classifier} is not fitted on arrays. `tlbench list methods` names others."
        )
    return setup
