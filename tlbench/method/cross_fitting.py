"""Classifiers that are fitted without a part of the examples, and how they err on it: what label shift is estimated from."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tlbench.errors import Refused
from tlbench.functional.class_shares import confusion
from tlbench.functional.temperature import BiasedTemperature, fit_temperature
from tlbench.seeds import stream

if TYPE_CHECKING:
    from tlbench.classifiers.estimators import FeatureClassifier
    from tlbench.data.inputs import Rows


@dataclass(frozen=True)
class CrossFitted:
    """What is known of classifiers on examples that they were not fitted on: numbers by class, and no example.

    Attributes:
        classifier: fitted on all of training; None where that is done later, with weights.
        learners: the fit without each fold.
        seen_K: the K classes that training has.
        shares_K: of the labels.
        n: training examples.
        confusion_KK: C of the held-out guesses, as `tlbench.functional.class_shares.confusion` has it.
        calibration: fitted on the held-out probabilities.
        prior_K: their mean, calibrated.
    """

    classifier: FeatureClassifier | None
    learners: list[FeatureClassifier]
    seen_K: np.ndarray
    shares_K: np.ndarray
    n: int
    confusion_KK: np.ndarray
    calibration: BiasedTemperature
    prior_K: np.ndarray

    def says(self, x_MD: Rows) -> np.ndarray:
        """Return what the fit of every fold says of each row, (folds times M, K)."""
        return np.concatenate([learner.predict_proba(x_MD)[:, self.seen_K] for learner in self.learners])


def guessed_shares(says_MK: np.ndarray) -> np.ndarray:
    """Return mu (K,), the shares of the guesses."""
    return np.bincount(says_MK.argmax(axis=1), minlength=says_MK.shape[1]) / len(says_MK)


def cross_fitted(
    classifier: FeatureClassifier, x_ND: Rows, labels_N: np.ndarray, folds: int, *, bcts: bool, whole: bool
) -> CrossFitted:
    """Fit copies of a classifier, each without one fold; the folds are drawn by its seed.

    Args:
        bcts: calibrate the held-out probabilities (`tlbench.functional.temperature`), or take them as they are.
        whole: fit another copy on all examples.

    Raises:
        Refused: a class has one example.
    """
    seen_K, places_N = np.unique(labels_N, return_inverse=True)
    counts_K = np.bincount(places_N)
    if counts_K.min() < 2:
        raise Refused(
            "Label shift is estimated on examples that are held out, so each class needs two labelled examples, but class "
            f"{seen_K[counts_K.argmin()]} has one. Use a larger training part (protocol.n_source, protocol.source_val)."
        )
    fold_N = dealt_folds(places_N, folds, stream(classifier.seed, "label_shift"))
    says_NK, learners = np.empty((len(labels_N), len(seen_K))), []
    for fold in np.unique(fold_N):
        held_N = fold_N == fold
        learners.append(copy.copy(classifier).fit(x_ND[~held_N], labels_N[~held_N]))
        says_NK[held_N] = learners[-1].predict_proba(x_ND[held_N])[:, seen_K]
    calibration = fit_temperature(says_NK, places_N) if bcts else BiasedTemperature(1.0, np.zeros(len(seen_K)))
    return CrossFitted(
        classifier=copy.copy(classifier).fit(x_ND, labels_N) if whole else None,
        learners=learners,
        seen_K=seen_K,
        shares_K=counts_K / len(labels_N),
        n=len(labels_N),
        confusion_KK=confusion(says_NK.argmax(axis=1), places_N, len(seen_K)),
        calibration=calibration,
        prior_K=calibration(says_NK).mean(axis=0),
    )


def dealt_folds(labels_N: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) fold numbers, dealt class by class: no two folds differ by more than one example, of a class or of all."""
    fold_N = np.empty(len(labels_N), dtype=np.int64)
    fold_N[np.lexsort((rng.random(len(labels_N)), labels_N))] = np.arange(len(labels_N)) % folds
    return fold_N
