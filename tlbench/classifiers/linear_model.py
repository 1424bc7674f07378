"""Linear classifiers as numbers: a vector and an intercept for each class, which hold no training example."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tlbench.classifiers.estimators import FeatureClassifier, LinearSVM, Logistic, RbfSVM
from tlbench.data.inputs import Rows
from tlbench.errors import Refused


@dataclass(frozen=True)
class LinearModel:
    """Scores x coef' + intercept, one column a class.

    Attributes:
        coef_KD, intercept_K: of each class.
        seen_K: class indices, rising.
    """

    coef_KD: np.ndarray
    intercept_K: np.ndarray
    seen_K: np.ndarray

    def decision(self, x_ND: Rows) -> np.ndarray:
        """Return (N, K) scores."""
        return np.asarray(x_ND @ self.coef_KD.T) + self.intercept_K

    def of(self, classes_J: np.ndarray) -> LinearModel:
        """Return the model of these classes alone, in their order; 0 for a class that it has not seen."""
        coef_JD, intercept_J = np.zeros((len(classes_J), self.coef_KD.shape[1])), np.zeros(len(classes_J))
        for place, label in enumerate(classes_J):
            for row in np.flatnonzero(self.seen_K == label):
                coef_JD[place], intercept_J[place] = self.coef_KD[row], self.intercept_K[row]
        return LinearModel(coef_JD, intercept_J, classes_J)


def linear_fit(classifier: FeatureClassifier, x_ND: Rows, labels_N: np.ndarray) -> LinearModel:
    """Fit a copy of a linear classifier, which itself stays as it is.

    A logistic regression gives its own coefficients; those of two classes are the halves w / 2 and -w / 2 of its one vector w, so
    that a softmax of the scores gives its probabilities. A linear SVM is fitted for each class against the rest.

    Raises:
        Refused: the classifier is not linear.
    """
    if isinstance(classifier, Logistic):
        model = copy.copy(classifier).fit(x_ND, labels_N).model
        if len(model.classes_) > 2:
            return LinearModel(model.coef_, model.intercept_, model.classes_)
        halves = np.array([-0.5, 0.5])
        return LinearModel(np.outer(halves, model.coef_), halves * model.intercept_, model.classes_)
    if not isinstance(classifier, LinearSVM) or isinstance(classifier, RbfSVM):
        raise Refused(
            "This method takes a linear model of the source. Use classifier=linear_svm or classifier=logistic."
        )
    kernel_NN = classifier.kernel(x_ND, x_ND)

    def solve(_: int, positive_N: np.ndarray) -> tuple[np.ndarray, float]:
        dual_N, intercept = svm_dual(classifier, kernel_NN, positive_N)
        return x_ND.T @ dual_N, intercept

    return one_against_rest(labels_N, solve)


def one_against_rest(labels_N: np.ndarray, solve: Callable[[int, np.ndarray], tuple[np.ndarray, float]]) -> LinearModel:
    """Collect `solve(place of the class, (N,) whether a row is of it)` -> (vector, intercept) over the classes of the labels."""
    seen_K = np.unique(labels_N)
    found = [solve(place, labels_N == label) for place, label in enumerate(seen_K)]
    return LinearModel(np.stack([w for w, _ in found]), np.array([b for _, b in found]), seen_K)


def svm_dual(classifier: LinearSVM, kernel_NN: np.ndarray, positive_N: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit a copy on a kernel of two classes; return (N,) a and b of its decision k(x, X) a + b, above 0 for positive rows."""
    model = copy.copy(classifier).fit_kernel(kernel_NN, positive_N.astype(np.int64)).model
    dual_N = np.zeros(len(positive_N))
    dual_N[model.support_] = model.dual_coef_[0]
    return dual_N, float(model.intercept_[0])
