"""Metrics of one set of predictions, by torchmetrics."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Metric = Literal["accuracy", "mean_class_accuracy"]


def example_weights(labels_N: np.ndarray, metric: Metric) -> np.ndarray | None:
    """(N,) weights that sum to 1, with which the share of right answers is the metric; None where all are equal."""
    if metric == "accuracy":
        return None
    counts = np.bincount(labels_N)
    return 1.0 / (counts[labels_N] * (counts > 0).sum())


def score(probabilities_NC: np.ndarray, labels_N: np.ndarray, metric: Metric) -> float:
    """The metric in [0, 1]."""
    right_N = probabilities_NC.argmax(axis=1) == labels_N
    return float(np.average(right_N, weights=example_weights(labels_N, metric)))


def measure(probabilities_NC: np.ndarray, labels_N: np.ndarray) -> dict[str, Any]:
    """Metrics in [0, 1] of class probabilities (N, C) against labels (N,).

    Returns:
        accuracy, mean_class_accuracy (over the classes present), macro_f1 (over the classes that are labels or predictions), ece
        (expected calibration
        error, 15 bins), per_class_accuracy (list of C, None for a class without test examples), confusion (C x C counts,
        rows are true classes).
    """
    import torch  # here: a report needs this module's weights, and neither torch nor torchmetrics (3 s)
    from torchmetrics.functional import classification as tm

    # torchmetrics takes anything above 1, a rounding error of a vote too, for logits and would apply a softmax to it
    clipped_NC = np.clip(np.asarray(probabilities_NC, dtype=np.float64), 0.0, 1.0)
    probabilities = torch.from_numpy(np.ascontiguousarray(clipped_NC))
    labels, n_classes = torch.from_numpy(labels_N), probabilities_NC.shape[1]
    confusion = tm.multiclass_confusion_matrix(probabilities, labels, num_classes=n_classes)
    per_class = tm.multiclass_accuracy(probabilities, labels, num_classes=n_classes, average=None)
    present = confusion.sum(dim=1) > 0
    ece = tm.multiclass_calibration_error(probabilities, labels, num_classes=n_classes, n_bins=15)
    return {
        "accuracy": float((probabilities.argmax(dim=1) == labels).double().mean()),
        "mean_class_accuracy": score(clipped_NC, labels_N, "mean_class_accuracy"),
        "macro_f1": tm.multiclass_f1_score(probabilities, labels, num_classes=n_classes, average="macro").item(),
        "ece": ece.item(),
        "per_class_accuracy": [a if p else None for a, p in zip(per_class.tolist(), present.tolist(), strict=True)],
        "confusion": confusion.tolist(),
    }
