"""Classifiers of estimator methods: scikit-learn's, with one interface and an optional search of C."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from tlbench.data.domain import Inputs
from tlbench.errors import Refused, TlbenchError


class FeatureClassifier(ABC):
    """A classifier on features with C as its one parameter.

    Args:
        n_classes: columns of `predict_proba`, also where a training set lacks a class.
        seed: seed of the folds.
        C: inverse strength of the regularisation, > 0.
        search: values of C to try by cross-validation (`tuned`); None = take C as it is. The first of equally good
            values wins.
        folds: number of folds of that search.
    """

    learner = "estimator"

    def __init__(
        self, *, n_classes: int, seed: int, C: float, search: Sequence[float] | None = None, folds: int = 5
    ) -> None:
        if not all(value > 0 for value in [C, *(search or [])]) or folds < 2:
            raise TlbenchError(f"A classifier needs C > 0 and folds >= 2, got C={C}, search={search}, folds={folds}.")
        self.n_classes, self.seed, self.C = n_classes, seed, float(C)
        self.search, self.folds = list(search) if search else None, folds

    @abstractmethod
    def _model(self) -> Any:
        """A fresh scikit-learn classifier with parameter C."""

    @abstractmethod
    def _scores(self, x_ND: Inputs) -> np.ndarray:
        """(N, classes seen in training) probabilities."""

    def _seen(self, x_ND: Inputs) -> Any:
        """The training examples as `_model` takes them."""
        return x_ND

    def tuned(self, x_ND: Inputs, labels_N: np.ndarray) -> Self:
        """Sets C by cross-validation on these examples, if a search is configured; returns itself.

        The harness calls it with the labelled source, once for a run, whatever its method trains on: C belongs to the
        recipe, so a method and its references get the same.
        """
        if self.search is None:
            return self
        if (fewest := int(np.unique(labels_N, return_counts=True)[1].min())) < self.folds:
            raise Refused(
                f"classifier.search needs {self.folds} labelled examples of each class (classifier.folds), but one "
                f"class has {fewest}. Use classifier.search=null or more labelled examples."
            )
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
        searched = GridSearchCV(self._model(), {"C": self.search}, cv=folds, refit=False)
        searched.fit(self._seen(x_ND), labels_N)
        self.C, self.search = float(searched.best_params_["C"]), None
        return self

    def fit(self, x_ND: Inputs, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        """Fits on (N, D) features with optional weights (N,) of mean 1; returns itself."""
        self.model = self._model().fit(self._seen(x_ND), labels_N, sample_weight=weights_N)
        return self

    def predict_proba(self, x_ND: Inputs) -> np.ndarray:
        """(N, C) rows that sum to 1; a class that training lacked has probability 0."""
        full_NC = np.zeros((x_ND.shape[0], self.n_classes))
        full_NC[:, self.model.classes_] = self._scores(x_ND)
        return full_NC


class Logistic(FeatureClassifier):
    """Multinomial logistic regression (L-BFGS)."""

    def _model(self) -> LogisticRegression:
        return LogisticRegression(C=self.C, max_iter=1000)

    def _scores(self, x_ND: Inputs) -> np.ndarray:
        return self.model.predict_proba(x_ND)


class LinearSVM(FeatureClassifier):
    """LIBSVM's C-SVC with a linear kernel, one against one, ties broken by the decision values.

    Its confidences are a softmax of the decision values: they order the examples, they are not calibrated.
    The kernel matrix is worked out once for a training set and shared by shallow copies: boosting fits the same
    examples many times.
    """

    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        self._kernels: dict[int, tuple[Inputs, np.ndarray]] = {}

    def _kernel(self, a_ND: Inputs, b_MD: Inputs) -> np.ndarray:
        return linear_kernel(a_ND, b_MD)

    def _model(self) -> SVC:
        return SVC(C=self.C, kernel="precomputed")

    def _seen(self, x_ND: Inputs) -> np.ndarray:
        if self._kernels.get(0, (None,))[0] is not x_ND:
            self._kernels.clear()
            self._kernels[0] = self._kernels[id(x_ND)] = (x_ND, self._kernel(x_ND, x_ND))
        return self._kernels[0][1]

    def _scores(self, x_ND: Inputs) -> np.ndarray:
        if self._kernels.get(id(x_ND), (None,))[0] is not x_ND:
            self._kernels[id(x_ND)] = (x_ND, self._kernel(x_ND, self._kernels[0][0]))
        decision = self.model.decision_function(self._kernels[id(x_ND)][1])
        if decision.ndim == 1:
            decision = np.stack([-decision, decision], axis=1)
        return softmax(decision, axis=1)


class RbfSVM(LinearSVM):
    """LIBSVM's C-SVC with a Gaussian kernel of gamma = 1 / number of features (LIBSVM's default)."""

    def _kernel(self, a_ND: Inputs, b_MD: Inputs) -> np.ndarray:
        return rbf_kernel(a_ND, b_MD, gamma=1.0 / a_ND.shape[1])
