"""Methods for label shift: class weights q / p of the target, and a classifier that is corrected or fitted by them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tlbench.data.inputs import stack
from tlbench.errors import Refused
from tlbench.functional.class_shares import confusion, corrected
from tlbench.functional.temperature import BiasedTemperature, fit_temperature
from tlbench.method.checks import at_least, one_of
from tlbench.method.estimator import EstimatorMethod
from tlbench.seeds import stream

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task

FLOOR = 1e-3
"""Least weight of an example, of the mean: LIBSVM fails where a class has none."""


@dataclass(frozen=True)
class CrossFitted:
    """What classifiers say of examples that they were not fitted on; K classes, those that training has.

    Attributes:
        says_NK: of each training example, by the fit without its fold.
        labels_N: of these, as columns.
        target_MK: of each target example by the fit of every fold, (folds times target examples, K).
    """

    says_NK: np.ndarray
    labels_N: np.ndarray
    target_MK: np.ndarray

    @property
    def shares_K(self) -> np.ndarray:
        """Shares of the labels."""
        return np.bincount(self.labels_N, minlength=self.says_NK.shape[1]) / len(self.labels_N)

    def system(self) -> tuple[np.ndarray, np.ndarray]:
        """Return C (K, K) and mu (K,) of the guesses: their confusion on held-out examples, and their shares on the target."""
        k = self.says_NK.shape[1]
        guessed_K = np.bincount(self.target_MK.argmax(axis=1), minlength=k) / len(self.target_MK)
        return confusion(self.says_NK.argmax(axis=1), self.labels_N, k), guessed_K


class LabelShiftMethod(EstimatorMethod, ABC):
    """Base of such methods: they say how they estimate the weights.

    Labelled target shots are training examples as the source's are: drawn by class, they tell nothing of the classes' shares, and
    p(x | y) is taken as equal.

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

    def __init__(self, *, how: str, calibrate: str, folds: int, **base: Any) -> None:
        super().__init__(**base)
        one_of(("correct", "reweight"), how=how)
        one_of(("bcts", "none"), calibrate=calibrate)
        at_least(2, folds=folds)
        self.how, self.calibrate, self.folds = how, calibrate, folds

    @abstractmethod
    def class_weights(self, fitted: CrossFitted) -> tuple[np.ndarray, dict[str, float]]:
        """Return w (K,) >= 0, how many times as frequent each class is in the target, and what the history shall keep.

        `self.calibration` is fitted by now.
        """

    def fit(self, task: Task) -> Self:
        parts = self.labelled(task)
        x_ND, labels_N = stack([part.inputs for part in parts]), np.concatenate([part.labels for part in parts])
        self.seen_K, places_N = np.unique(labels_N, return_inverse=True)
        fitted = self._cross_fitted(x_ND, labels_N, places_N, task.target)
        self.calibration = (
            fit_temperature(fitted.says_NK, places_N)
            if self.calibrate == "bcts"
            else BiasedTemperature(1.0, np.zeros(len(self.seen_K)))
        )
        self.weights_K, told = self.class_weights(fitted)
        self.classifier.fit(x_ND, labels_N, self._of_examples(places_N) if self.how == "reweight" else None)
        shares_K = fitted.shares_K
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

    def _cross_fitted(self, x_ND: Rows, labels_N: np.ndarray, places_N: np.ndarray, target_MD: Rows) -> CrossFitted:
        counts_K = np.bincount(places_N)
        if counts_K.min() < 2:
            raise Refused(
                "Label shift is estimated on examples that are held out, so each class needs two labelled examples, but class "
                f"{self.seen_K[counts_K.argmin()]} has one. Use a larger training part (protocol.n_source, protocol.source_val)."
            )
        fold_N = dealt_folds(places_N, self.folds, stream(self.classifier.seed, "label_shift"))
        says_NK, of_target = np.empty((len(labels_N), len(self.seen_K))), []
        for fold in np.unique(fold_N):
            held_N = fold_N == fold
            learner = copy.copy(self.classifier).fit(x_ND[~held_N], labels_N[~held_N])
            says_NK[held_N] = learner.predict_proba(x_ND[held_N])[:, self.seen_K]
            of_target.append(learner.predict_proba(target_MD)[:, self.seen_K])
        return CrossFitted(says_NK, places_N, np.concatenate(of_target))


def dealt_folds(labels_N: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) fold numbers, dealt class by class: no two folds differ by more than one example, of a class or of all."""
    fold_N = np.empty(len(labels_N), dtype=np.int64)
    fold_N[np.lexsort((rng.random(len(labels_N)), labels_N))] = np.arange(len(labels_N)) % folds
    return fold_N
