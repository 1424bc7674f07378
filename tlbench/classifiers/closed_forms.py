"""Classifiers in closed form, which some methods are built on: the nearest class mean, and kernel ridge regression."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy.linalg import solve
from scipy.spatial.distance import cdist
from scipy.special import softmax

from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.data.inputs import Rows, dense
from tlbench.errors import TlbenchError
from tlbench.functional.row_lengths import unit_rows


class NearestMean(FeatureClassifier):
    """The class with the nearest mean (Euclidean), of equally near ones the first.

    Its confidences are a softmax of minus half the squared distances: those of Gaussian classes of one spherical variance 1.
    """

    config_name: ClassVar[str] = "nearest_mean"
    keeps_examples = False
    draws = False

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        self.seen_K, place_N = np.unique(labels_N, return_inverse=True)
        share_NK = np.equal.outer(place_N, np.arange(len(self.seen_K))).astype(np.float64)
        if weights_N is not None:
            share_NK *= weights_N[:, None]
        self.means_KD = (share_NK / share_NK.sum(axis=0)).T @ dense(x_ND)
        return self

    def distances(self, x_ND: Rows) -> np.ndarray:
        """Return (N, K) squared distances to the means of the classes seen."""
        return cdist(dense(x_ND), self.means_KD, "sqeuclidean")

    def predict_proba(self, x_ND: Rows) -> np.ndarray:
        return self.in_columns(softmax(-self.distances(x_ND) / 2, axis=1), self.seen_K)


class KernelRidge(FeatureClassifier):
    """Ridge regression of the one-hot labels with a Gaussian kernel on rows of unit length: B = (E K + ridge I)^-1 E Y,
    f(x) = k(x, X) B, E the diagonal of the weights.

    Its confidences are a softmax of f: they order the examples, they are not calibrated.

    Args:
        ridge: > 0.
        gamma: of the kernel exp(-gamma |x - y|^2), > 0; rows have unit length, so that one value serves any data.
    """

    config_name: ClassVar[str] = "kernel_ridge"
    draws = False

    def __init__(self, *, ridge: float, gamma: float, **base: Any) -> None:
        super().__init__(**base)
        if not (ridge > 0 and gamma > 0):
            raise TlbenchError(f"classifier.ridge and classifier.gamma must be above 0, got {ridge} and {gamma}.")
        self.ridge, self.gamma = ridge, gamma

    def kernel(self, x_ND: np.ndarray, y_MD: np.ndarray) -> np.ndarray:
        """Return (N, M) values of the kernel."""
        return np.exp(-self.gamma * cdist(unit_rows(x_ND), unit_rows(y_MD), "sqeuclidean"))

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        x_ND = dense(x_ND)
        weights_N = np.ones(len(labels_N)) if weights_N is None else weights_N
        left_NN = weights_N[:, None] * self.kernel(x_ND, x_ND) + self.ridge * np.eye(len(x_ND))
        targets_NC = weights_N[:, None] * np.eye(self.n_classes)[labels_N]
        return self.set_solution(x_ND, solve(left_NN, targets_NC), np.unique(labels_N))

    def set_solution(self, x_ND: np.ndarray, b_NC: np.ndarray, seen_K: np.ndarray) -> Self:
        """Take rows and coefficients that a method has solved for; return the classifier itself.

        Args:
            seen_K: classes that have labelled examples; the others keep probability 0.
        """
        self.rows_ND, self.b_NC, self.seen_K = x_ND, b_NC, seen_K
        return self

    def decision(self, x_ND: Rows) -> np.ndarray:
        """Return (N, C) values of f."""
        return self.kernel(dense(x_ND), self.rows_ND) @ self.b_NC

    def predict_proba(self, x_ND: Rows) -> np.ndarray:
        return self.in_columns(softmax(self.decision(x_ND)[:, self.seen_K], axis=1), self.seen_K)
