"""Metrics of one set of predictions.

Counted here and compared with torchmetrics in the tests: importing it takes as long as forty runs of a closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlbench.errors import unknown

N_BINS = 15
"""Bins of confidence, without that of certainty."""


@dataclass(frozen=True)
class Metric:
    """What a data set's scores and gains are over: a mean over test examples of whether each is right.

    Attributes:
        name: as configs, records and tables have it.
        exact: every example counts the same, so that differences are whole numbers and exact tests hold.
        weigh: labels (N,) to the examples' weights (N,), which sum to 1; None where all are equal.
    """

    name: str
    exact: bool
    weigh: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def title(self) -> str:
        """As pages print it."""
        return self.name.replace("_", " ")

    def weights(self, labels_N: np.ndarray) -> np.ndarray | None:
        """Return (N,) weights that sum to 1, with which the share of right answers is the metric; None where all are equal."""
        return None if self.weigh is None else self.weigh(labels_N)

    def score(self, labels_N: np.ndarray, said_N: np.ndarray) -> float:
        """Compute the metric in [0, 1] of predicted classes (N,)."""
        return float(np.average(said_N == labels_N, weights=self.weights(labels_N)))

    def influence(self, labels_N: np.ndarray, said_N: np.ndarray) -> np.ndarray:
        """Return (N,) what each example adds to the score."""
        weights_N = self.weights(labels_N)
        return (said_N == labels_N) * (1.0 / len(labels_N) if weights_N is None else weights_N)


def _classes_alike(labels_N: np.ndarray) -> np.ndarray:
    counts = np.bincount(labels_N)
    return 1.0 / (counts[labels_N] * (counts > 0).sum())


ACCURACY = Metric("accuracy", exact=True)
METRICS = {metric.name: metric for metric in (ACCURACY, Metric("mean_class_accuracy", False, _classes_alike))}
"""What a data set may name as its metric: the one list of them."""
REPORTED = (*METRICS, "macro_f1", "ece")
"""Numbers that are kept of each checkpoint that a rule picks."""


def metric_named(name: str) -> Metric:
    """Return the metric of this name. Raises TlbenchError with the nearest known name."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS, "dataset.metric")
    return METRICS[name]


def score(probabilities_NC: np.ndarray, labels_N: np.ndarray, metric: Metric) -> float:
    """Compute a metric in [0, 1] of class probabilities."""
    return metric.score(labels_N, probabilities_NC.argmax(axis=1))


def measure(probabilities_NC: np.ndarray, labels_N: np.ndarray) -> dict[str, Any]:
    """Compute metrics in [0, 1] of class probabilities (N, C) against labels (N,).

    Returns:
        accuracy, mean_class_accuracy (over the classes present), macro_f1 (over the classes that are labels or predictions), ece
        (15 bins), per_class_accuracy (list of C, None for a class without test examples), confusion (C x C counts, rows are
        true classes).
    """
    said_N, n_classes = probabilities_NC.argmax(axis=1), probabilities_NC.shape[1]
    confusion_CC = np.bincount(labels_N * n_classes + said_N, minlength=n_classes**2).reshape(n_classes, n_classes)
    right_C, labels_C, said_C = np.diag(confusion_CC), confusion_CC.sum(axis=1), confusion_CC.sum(axis=0)
    seen = labels_C + said_C > 0
    return {
        "accuracy": float(right_C.sum() / len(labels_N)),
        "mean_class_accuracy": METRICS["mean_class_accuracy"].score(labels_N, said_N),
        "macro_f1": float(np.mean(2 * right_C[seen] / (labels_C + said_C)[seen])),
        "ece": calibration_error(probabilities_NC.max(axis=1), said_N == labels_N),
        "per_class_accuracy": [float(r / n) if n else None for r, n in zip(right_C, labels_C, strict=True)],
        "confusion": confusion_CC.tolist(),
    }


def calibration_error(confidence_N: np.ndarray, right_N: np.ndarray, n_bins: int = N_BINS) -> float:
    """Compute the expected calibration error in [0, 1]: |accuracy - mean confidence| of each bin, weighted by its share.

    Bins are [k / n_bins, (k + 1) / n_bins); certainty (1, or above it by rounding) has a bin of its own, as in torchmetrics.
    Source: Guo et al., ICML 2017, arXiv:1706.04599, eq. 3.
    """
    confidence_N = np.clip(confidence_N.astype(np.float64), 0.0, 1.0)
    excess_B = np.bincount(confidence_bins(confidence_N, n_bins), weights=confidence_N - right_N)
    return float(np.abs(excess_B).sum() / len(right_N))


def confidence_bins(confidence_N: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Return (N,) bins of confidences in [0, 1], from 1: bin k is [(k - 1) / n_bins, k / n_bins); 1 is in n_bins + 1."""
    return np.searchsorted(np.linspace(0.0, 1.0, n_bins + 1), confidence_N, side="right")
