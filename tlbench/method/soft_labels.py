"""Fits of a classifier on rows that have shares of classes in the place of one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tlbench.data.inputs import stack

if TYPE_CHECKING:
    from tlbench.classifiers.estimators import FeatureClassifier
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Labelled

FAINT = 1e-6
"""Shares below it, of the largest, are left out."""


def fit_to_shares(classifier: FeatureClassifier, x_ND: Rows, shares_NC: np.ndarray, shots: Labelled | None) -> None:
    """Fit on each row as each of its classes, its shares (N, C) being the weights; shots join with weight 1."""
    rows, classes = np.nonzero(shares_NC >= FAINT * shares_NC.max())
    blocks, labels, weights = [x_ND[rows]], [classes], [shares_NC[rows, classes]]
    if shots is not None:
        blocks.append(shots.inputs)
        labels.append(shots.labels)
        weights.append(np.ones(len(shots)))
    classifier.fit(stack(blocks), np.concatenate(labels), np.concatenate(weights))
