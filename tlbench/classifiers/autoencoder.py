"""A supervised autoencoder: one hidden layer that reconstructs its inputs and tells their classes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.data.inputs import Rows, dense
from tlbench.errors import TlbenchError
from tlbench.functional.row_lengths import root_mean_square
from tlbench.functional.supervised_autoencoder import Said, Weighed, drawn_layers, said_of, trained
from tlbench.seeds import stream


class Autoencoder(FeatureClassifier):
    """Minimum of   mean cross-entropy + reconstruction * mean |x^ - x|^2 / l^2 + decay / 2 * (sum of squared weights)

    with h = tanh(x W / l + b), x^ / l = h V + c and class probabilities softmax(h U + d); l is the root mean square length of the
    rows, so that all parameters mean the same on all data. The encoder is drawn by seed, the rest begins at 0.

    Args:
        dim: hidden units, 1 or more.
        reconstruction: weight of the reconstruction, 0 or more.
        decay: weight of the squared weights, above 0. To the reconstruction a direction of the inputs is not worth its weights
            unless it holds more than half as large a share of their squared length.
        steps: of L-BFGS, at most, 1 or more.
        tolerance: it ends where a step lowers the objective by less, above 0. Much smaller, and rounding errors grow over the
            steps until they decide to which of many minima these lead.
    """

    config_name: ClassVar[str] = "autoencoder"

    def __init__(
        self, *, dim: int, reconstruction: float, decay: float, steps: int, tolerance: float, **base: Any
    ) -> None:
        super().__init__(**base)
        if dim < 1 or steps < 1 or not reconstruction >= 0 or not (decay > 0 and tolerance > 0):
            raise TlbenchError(
                "An autoencoder needs classifier.dim and classifier.steps of 1 or more, classifier.reconstruction of 0 or more, "
                "and classifier.decay and classifier.tolerance above 0, got "
                f"{dim}, {steps}, {reconstruction}, {decay} and {tolerance}."
            )
        self.dim, self.steps = dim, steps
        self.reconstruction, self.decay, self.tolerance = float(reconstruction), float(decay), float(tolerance)

    def begin(self, x_ND: Rows, seen_K: np.ndarray) -> Self:
        """Take the length of rows from these and draw the layers; return the classifier itself.

        Args:
            seen_K: classes that have labelled examples, ascending; the others keep probability 0.
        """
        x_ND = dense(x_ND)
        self.length, self.seen_K = root_mean_square(x_ND) or 1.0, seen_K
        self.layers = drawn_layers(x_ND.shape[1], self.dim, len(seen_K), stream(self.seed, "autoencoder"))
        return self

    def improve(
        self,
        x_ND: Rows,
        labels_N: np.ndarray,
        *,
        by_class: np.ndarray,
        by_entropy: np.ndarray,
        by_reconstruction: np.ndarray,
    ) -> float:
        """Train on from where the layers are; return the objective.

        Args:
            labels_N: classes, -1 where there is none.
            by_class, by_entropy, by_reconstruction: (N,) how much each loss of a row counts; `reconstruction` comes on top.
        """
        used = (by_class > 0) | (by_entropy > 0) | (by_reconstruction > 0)
        given = Weighed(
            dense(x_ND)[used] / self.length,
            np.equal.outer(labels_N[used], self.seen_K).astype(np.float64),
            by_class[used],
            by_entropy[used],
            self.reconstruction * by_reconstruction[used],
        )
        self.layers, value = trained(self.layers, given, decay=self.decay, steps=self.steps, tolerance=self.tolerance)
        return value

    def said(self, x_ND: Rows) -> Said:
        """Return what the network says of rows, divided by the length of rows."""
        return said_of(self.layers, dense(x_ND) / self.length)

    def fit(self, x_ND: Rows, labels_N: np.ndarray, weights_N: np.ndarray | None = None) -> Self:
        share_N = np.ones(len(labels_N)) if weights_N is None else weights_N
        share_N = share_N / len(labels_N)
        self.begin(x_ND, np.unique(labels_N))
        self.improve(x_ND, labels_N, by_class=share_N, by_entropy=np.zeros(len(labels_N)), by_reconstruction=share_N)
        return self

    def predict_proba(self, x_ND: Rows) -> np.ndarray:
        return self.in_columns(np.exp(self.said(x_ND).log_p), self.seen_K)
