"""Methods for label shift: class weights q / p of the target, and a classifier that is corrected or fitted by them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tlbench.data.inputs import pooled
from tlbench.functional.class_shares import corrected
from tlbench.method.checks import at_least, one_of
from tlbench.method.cross_fitting import CrossFitted, cross_fitted
from tlbench.method.estimator import EstimatorMethod

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task

FLOOR = 1e-3
"""Least weight of an example, of the mean: LIBSVM fails where a class has none."""


class LabelShiftMethod(EstimatorMethod, ABC):
    """Base of such methods: they say how they estimate the weights.

    Labelled target shots are training examples as the source's are: drawn by class, they tell nothing of the classes' shares, and
    p(x | y) is taken as equal. Where the source is private its owner does the cross-fitting, and there is no place for shots.

    Args:
        how: `correct` the probabilities of target examples, or `reweight` the training examples and fit once more.
        calibrate: `bcts` or `none`; the probabilities that are corrected.
        folds: of the cross-fitting, drawn by the recipe's seed.

    Attributes:
        history: one entry. `shift`: total variation of the estimated shares of the target from those of training, 0 to 1;
            `largest_weight`; `temperature` of the calibration, 1 without; and what the method adds.
    """

    family = "instance"
    needs_graded = True
    source_free = True

    def __init__(self, *, how: str, calibrate: str, folds: int, **base: Any) -> None:
        super().__init__(**base)
        one_of(("correct", "reweight"), how=how)
        one_of(("bcts", "none"), calibrate=calibrate)
        at_least(2, folds=folds)
        self.how, self.calibrate, self.folds = how, calibrate, folds

    @abstractmethod
    def class_weights(self, fitted: CrossFitted, target_MK: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        """Return w (K,) >= 0, how many times as frequent each class is in the target, and what the history shall keep.

        Args:
            target_MK: what `fitted` says of the target.
        """

    def fit(self, task: Task) -> Self:
        fitted: CrossFitted = self.given_model(task)
        self.seen_K, self.calibration, shares_K = fitted.seen_K, fitted.calibration, fitted.shares_K
        self.weights_K, told = self.class_weights(fitted, fitted.says(task.target))
        if fitted.classifier is None:
            x_ND, labels_N = pooled(self.labelled(task))
            places_N = np.searchsorted(self.seen_K, labels_N)
            self.classifier.fit(x_ND, labels_N, self._of_examples(places_N))
        else:
            self.classifier = fitted.classifier
        target_K = self.weights_K * shares_K / (self.weights_K @ shares_K)
        self.history = [
            {
                "shift": float(np.abs(target_K - shares_K).sum() / 2),
                "largest_weight": float(self.weights_K.max()),
                "temperature": 1.0 / max(self.calibration.scale, FLOOR),
                **told,
            }
        ]
        return self

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        """Return (N, C) class probabilities; where they are corrected, those of the source are calibrated alone."""
        says_NC = super().predict_proba(x_ND, domain)
        if self.how == "reweight":
            return says_NC
        says_NK = says_NC[:, self.seen_K]
        if self.calibrate == "bcts":
            says_NK = self.calibration(says_NK)
        if domain == "target" and np.ptp(self.weights_K):
            says_NK = corrected(says_NK, self.weights_K)
        return self.classifier.in_columns(says_NK, self.seen_K)

    def _of_examples(self, places_N: np.ndarray) -> np.ndarray | None:
        """Return weights of mean 1 of the training examples; None where all are equal, so that the fit is the plain one."""
        if not np.ptp(self.weights_K):
            return None
        weights_N = self.weights_K[places_N] / self.weights_K[places_N].mean()
        weights_N = np.maximum(weights_N, FLOOR)
        return weights_N / weights_N.mean()

    @classmethod
    def private_refusal(cls, parameters: Mapping[str, Any], *, shots: bool) -> str | None:
        if parameters["how"] == "reweight":
            return "fits the source again where method.how=reweight. Use method.how=correct."
        return (
            "estimates the shift where the source is, which shots do not reach. Use protocol.shots=0."
            if shots
            else None
        )

    def source_model(self, task: Task) -> CrossFitted:
        """Return classifiers that are cross-fitted, their calibration, and how they err by class."""
        return cross_fitted(
            self.classifier,
            *pooled(self.labelled(task)),
            self.folds,
            bcts=self.calibrate == "bcts",
            whole=self.how == "correct",
        )
