"""Metrics of one set of predictions.

Counted here and compared with torchmetrics in the tests: importing it takes as long as forty runs of a closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tlbench import open_set_metrics as open_set
from tlbench.errors import TlbenchError, unknown

N_BINS = 15
"""Bins of confidence, without that of certainty."""


@dataclass(frozen=True)
class Joined:
    """A function of the classes' recalls that is no mean over examples, homogeneous of degree 1.

    Attributes:
        value: right answers (R, C), examples of each class (C,) or (R, C) and the unknown class to the values (R,).
        slopes: right answers (C,), examples (C,) and the unknown class to its derivatives by the recalls (C,).
    """

    value: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    slopes: Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """What a data set's scores and gains are over: a mean over test examples of whether each is right, or what joins such means.

    Attributes:
        name: as configs, records and tables have it.
        exact: every example counts the same, so that differences are whole numbers and exact tests hold.
        weigh: labels (N,) and the unknown class to the examples' weights (N,), which sum to 1; None where all are equal.
        joined: what takes the place of the mean; None for a mean.
        needs: kinds of class (`known`, `unknown`) of which there must be examples; none for a metric of any data set.
        on_known: name of what is looked at where there can be no unknown example, as in source validation; "" for itself.
        unknown: the class that stands for all that no source has; None where there is none.
    """

    name: str
    exact: bool
    weigh: Callable[[np.ndarray, int | None], np.ndarray] | None = None
    joined: Joined | None = None
    needs: tuple[str, ...] = ()
    on_known: str = ""
    unknown: int | None = None

    @property
    def title(self) -> str:
        """As pages print it."""
        return self.name.replace("_", " ")

    @property
    def of_known(self) -> Metric:
        """What is looked at where all examples are of known classes."""
        return METRICS[self.on_known] if self.on_known else self

    def lacks(self, labels_N: np.ndarray) -> str:
        """Return `known` or `unknown` where there must be an example of such a class and is none, else nothing."""
        if not self.needs:
            return ""
        have = {"known": bool((labels_N != self.unknown).any()), "unknown": bool((labels_N == self.unknown).any())}
        return next((kind for kind in self.needs if not have[kind]), "")

    def weights(self, labels_N: np.ndarray) -> np.ndarray | None:
        """Return (N,) weights that sum to 1, with which the share of right answers is the metric; None where all are equal."""
        self._check(labels_N)
        return None if self.weigh is None else self.weigh(labels_N, self.unknown)

    def score(self, labels_N: np.ndarray, said_N: np.ndarray) -> float:
        """Compute the metric in [0, 1] of predicted classes (N,). Raises TlbenchError where a kind of class lacks examples."""
        if self.joined is None:
            return float(np.average(said_N == labels_N, weights=self.weights(labels_N)))
        right_C, count_C = self._counts(labels_N, said_N == labels_N)
        return float(self.values(right_C[None], count_C)[0])

    def values(self, right_RC: np.ndarray, count_C: np.ndarray) -> np.ndarray:
        """Compute a metric that is no mean of counts (R, C) of right answers among (C,) or (R, C) examples: (R,)."""
        assert self.joined is not None
        assert self.unknown is not None
        return self.joined.value(right_RC, count_C, self.unknown)

    def slopes(self, right_C: np.ndarray, count_C: np.ndarray) -> np.ndarray:
        """Return the derivatives of a metric that is no mean by the recalls (C,) of the classes."""
        assert self.joined is not None
        assert self.unknown is not None
        return self.joined.slopes(right_C, count_C, self.unknown)

    def influence(self, labels_N: np.ndarray, said_N: np.ndarray) -> np.ndarray:
        """Return (N,) what each example adds to the score."""
        return self.parts(labels_N, said_N == labels_N)

    def parts(self, labels_N: np.ndarray, right_N: np.ndarray) -> np.ndarray:
        """Return (N,) what each example adds to the score, by whether it is right.

        Of a metric that is no mean, the derivative by the recall of its class over the number of that class: its sum is the
        score, and with each class's mean taken off it is the delta method's influence.
        """
        if self.joined is None:
            weights_N = self.weights(labels_N)
            return right_N * (1.0 / len(labels_N) if weights_N is None else weights_N)
        right_C, count_C = self._counts(labels_N, right_N)
        return right_N * (self.slopes(right_C, count_C) / np.maximum(count_C, 1))[labels_N]

    def _counts(self, labels_N: np.ndarray, right_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._check(labels_N)
        assert self.unknown is not None
        n_classes = max(int(labels_N.max()), self.unknown) + 1
        return np.bincount(labels_N, right_N, n_classes), np.bincount(labels_N, minlength=n_classes)

    def _check(self, labels_N: np.ndarray) -> None:
        if kind := self.lacks(labels_N):
            raise TlbenchError(
                f"dataset.metric={self.name} needs test examples of {kind} classes, and there is none of the {len(labels_N)}. "
                "Keep a larger test part, or set dataset.metric=accuracy."
            )


ACCURACY = Metric("accuracy", exact=True)
METRICS = {metric.name: metric for metric in (ACCURACY, Metric("mean_class_accuracy", False, open_set.classes_alike))}
"""What any data set may name as its metric."""
MEAN = "mean_class_accuracy"
HOS = Joined(open_set.harmonic_score, open_set.harmonic_slopes)
OPEN_METRICS = {
    metric.name: metric
    for metric in (
        Metric("os", False, open_set.classes_alike, needs=("known", "unknown"), on_known=MEAN),
        Metric("os_star", False, open_set.known_classes_alike, needs=("known",), on_known=MEAN),
        Metric("unk", False, open_set.unknown_examples, needs=("unknown",), on_known=ACCURACY.name),
        Metric("hos", False, joined=HOS, needs=("known", "unknown"), on_known=MEAN),
        Metric("closed_accuracy", False, open_set.known_examples, needs=("known",), on_known=ACCURACY.name),
    )
}
"""What a data set with an unknown class may name besides; each needs to know which class that is."""
REPORTED = (*METRICS, "macro_f1", "ece", *OPEN_METRICS)
"""Numbers that are kept of each checkpoint that a rule picks; those of OPEN_METRICS where there is an unknown class."""


def metric_named(name: str, unknown_class: int | None = None) -> Metric:
    """Return the metric of this name, for a data set whose unknown class this is; None: it has none, or the name alone matters.

    Raises TlbenchError with the nearest known name.
    """
    if name in METRICS:
        return METRICS[name]
    if name not in OPEN_METRICS:
        raise unknown("metric", name, (*METRICS, *OPEN_METRICS), "dataset.metric")
    return replace(OPEN_METRICS[name], unknown=unknown_class)


def score(probabilities_NC: np.ndarray, labels_N: np.ndarray, metric: Metric) -> float:
    """Compute a metric in [0, 1] of class probabilities."""
    return metric.score(labels_N, probabilities_NC.argmax(axis=1))


def measure(probabilities_NC: np.ndarray, labels_N: np.ndarray, unknown_class: int | None = None) -> dict[str, Any]:
    """Compute metrics in [0, 1] of class probabilities (N, C) against labels (N,).

    Returns:
        accuracy, mean_class_accuracy (over the classes present), macro_f1 (over the classes that are labels or predictions), ece
        (15 bins), per_class_accuracy (list of C, None for a class without test examples), confusion (C x C counts, rows are
        true classes). With an unknown class also what OPEN_METRICS names, without those that lack the examples they need.
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
        **({} if unknown_class is None else _open(labels_N, said_N, unknown_class)),
    }


def _open(labels_N: np.ndarray, said_N: np.ndarray, unknown_class: int) -> dict[str, float]:
    metrics = (metric_named(name, unknown_class) for name in OPEN_METRICS)
    return {metric.name: metric.score(labels_N, said_N) for metric in metrics if not metric.lacks(labels_N)}


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
