"""Importance-weighted aggregation: a model's part in the combination of models that is best on weighted source examples."""

from __future__ import annotations

import numpy as np

from tlbench.transfer.warning.outlook import Outlook
from tlbench.transfer.warning.signals import MOST_WEIGHT

RIDGE = 1e-3


def parts(own: Outlook, reference: Outlook) -> tuple[float, float] | None:
    """Return both models' coefficients in the linear combination of least squared error on the target; None without validation.

    Inner products of their outputs are over the target's examples, those with the labels over source validation examples weighted
    by how often the like is in the target.

    Paper    Dinu et al., Addressing Parameter Choice Issues in Unsupervised Domain Adaptation by Aggregation, ICLR 2023,
             arXiv:2305.01281 (algorithm 1)
    Departs  1. a ridge of 1e-3, since two models that say the same have no single solution
    """
    looks, n_classes = (own, reference), max(own.n_classes, reference.n_classes)
    if not len(own.val_VC) or len(own.val_VC) != len(reference.val_VC):
        return None
    weights_V = np.minimum(reference.val_weights_V.astype(float), MOST_WEIGHT)
    true_VC = np.eye(n_classes)[reference.val_labels_V] * (weights_V / weights_V.sum())[:, None]
    target = [_wide(look.target_NC, n_classes) for look in looks]
    gram = np.array([[(a * b).sum(axis=1).mean() for b in target] for a in target])
    with_labels = np.array([(_wide(look.val_VC, n_classes) * true_VC).sum() for look in looks])
    first, second = np.linalg.solve(gram + RIDGE * np.eye(2), with_labels)
    return float(first), float(second)


def _wide(says_NC: np.ndarray, n_classes: int) -> np.ndarray:
    return np.pad(says_NC.astype(float), ((0, 0), (0, n_classes - says_NC.shape[1])))
