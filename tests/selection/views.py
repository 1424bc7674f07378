"""Small views to score: Gaussian classes, a linear model, a shifted target."""

from __future__ import annotations

import dataclasses

import numpy as np

from tlbench.selection.view import MIX_SHARE, Mixed, Seen, View, mixing_rows


def softmax(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def seen(n: int, *, width: int = 5, classes: int = 3, shift: float = 0.0, seed: int = 0) -> tuple[Seen, np.ndarray]:
    """Examples of `classes` Gaussian classes, moved by `shift` in every column, and their labels."""
    centres = np.random.default_rng(99).normal(size=(classes, width))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    x = centres[labels] + rng.normal(size=(n, width)) + shift
    return Seen(x, model(x, centres)), labels


def model(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return softmax(0.7 * (x @ centres.T - (centres**2).sum(axis=1) / 2))


def view(*, width: int = 5, classes: int = 3, seed: int = 0) -> View:
    """30 source, 20 source validation and 25 target examples with all pairs to mix."""
    (s, ys), (v, yv) = (seen(n, width=width, classes=classes, seed=seed + k) for k, n in enumerate((30, 20)))
    t, _ = seen(25, width=width, classes=classes, shift=0.5, seed=seed + 2)
    first, second = mixing_rows(t.probabilities_NC.argmax(axis=1), np.random.default_rng(seed))
    x = MIX_SHARE * t.features_ND[first] + (1 - MIX_SHARE) * t.features_ND[second]
    centres = np.random.default_rng(99).normal(size=(classes, width))
    return View(s, ys, v, yv, t, Mixed(model(x, centres), first, second))


def reordered(v: View, seed: int) -> View:
    """The same examples, mixed pairs too, in another order."""
    rng = np.random.default_rng(seed)

    def take(part: Seen, order: np.ndarray) -> Seen:
        return Seen(part.features_ND[order], part.probabilities_NC[order])

    s, u, t, m = (
        rng.permutation(len(p)) for p in (v.source_labels, v.source_val_labels, v.target.features_ND, v.mixed.first_P)
    )
    place = np.argsort(t)
    mixed = Mixed(v.mixed.probabilities_PC[m], place[v.mixed.first_P[m]], place[v.mixed.second_P[m]])
    return View(
        take(v.source, s), v.source_labels[s], take(v.source_val, u), v.source_val_labels[u], take(v.target, t), mixed
    )


def renamed(v: View, order: np.ndarray) -> View:
    """The same view with the classes in another order: class order[k] becomes class k."""

    def columns(part: Seen) -> Seen:
        return Seen(part.features_ND, part.probabilities_NC[:, order])

    name = np.argsort(order)
    return View(
        columns(v.source),
        name[v.source_labels],
        columns(v.source_val),
        name[v.source_val_labels],
        columns(v.target),
        dataclasses.replace(v.mixed, probabilities_PC=v.mixed.probabilities_PC[:, order]),
    )
