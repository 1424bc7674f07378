"""A small problem of three classes, and the families' N x N matrices as the papers write them, for tests of closed forms."""

import numpy as np

from tlbench.classifiers.estimators import NearestNeighbour
from tlbench.tasks import Labelled, Task


def _rows(n, shift, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    centres = 2.5 * np.eye(3, 4)
    return centres[labels] + rng.normal(size=(n, 4)) + shift, labels


SOURCE, LABELS = _rows(30, 0.0, 0)
TARGET, _ = _rows(24, np.array([1.0, 0.5, 0.0, 1.0]), 1)
TEST, _ = _rows(12, np.array([1.0, 0.5, 0.0, 1.0]), 2)
M_ROWS = len(TARGET)
TASK = Task(Labelled(SOURCE, LABELS), TARGET, None, None, 3, (4,))


def nearest():
    return NearestNeighbour(n_classes=3, seed=0)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def nearest_guesses(xs, xt, labels=LABELS):
    return labels[((xt[:, None] - xs[None]) ** 2).sum(-1).argmin(axis=1)]


def dense_m(guesses, n_classes, mu, weight, labels=LABELS, m=M_ROWS):
    """(1 - mu) C M_0 + mu sum of M_c, not divided by anything; `weight` on the target's mean of each class."""
    n = len(labels)
    e = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    whole = (1 - mu) * n_classes * np.outer(e, e)
    if guesses is None:
        return whole
    for c, times in enumerate(np.broadcast_to(weight, n_classes)):
        mine, theirs = labels == c, guesses == c
        e = np.concatenate([mine / max(mine.sum(), 1), -times * theirs / max(theirs.sum(), 1)])
        whole = whole + mu * np.outer(e, e)
    return whole
