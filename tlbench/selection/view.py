"""What a label-free validator may look at: no label of the target is in reach."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tlbench.selection.importance import importance_weights

MIX_SHARE = 0.55
"""Share of the first input in a mixed one (Hu et al., NeurIPS 2023, and the authors' code: lam = 0.55)."""


@dataclass(frozen=True)
class Seen:
    """What a model makes of N examples: features (N, D) and class probabilities (N, C), all finite."""

    features_ND: np.ndarray
    probabilities_NC: np.ndarray

    def __post_init__(self) -> None:
        shapes = self.features_ND.shape, self.probabilities_NC.shape
        if any(len(shape) != 2 or 0 in shape for shape in shapes) or shapes[0][0] != shapes[1][0]:
            raise ValueError(f"Features and probabilities must be (N, D) and (N, C) with N >= 1, got {shapes}.")
        if not (np.isfinite(self.features_ND).all() and np.isfinite(self.probabilities_NC).all()):
            raise ValueError(f"Features {shapes[0]} and probabilities {shapes[1]} must be finite.")


@dataclass(frozen=True)
class Mixed:
    """Probabilities of the inputs MIX_SHARE * x[first] + (1 - MIX_SHARE) * x[second].

    Attributes:
        probabilities_PC: class probabilities of the P mixed inputs.
        first_P, second_P: rows of `View.target` that were mixed.
    """

    probabilities_PC: np.ndarray
    first_P: np.ndarray
    second_P: np.ndarray


@dataclass(frozen=True)
class View:
    """One model seen without target labels.

    Attributes:
        source: the labelled source examples of the training, with labels (S,) in `source_labels`; both None if they are private.
        source_val: source examples kept from training, with labels (V,) in `source_val_labels`; both None if none were.
        target: the unlabelled target examples.
        mixed: predictions for mixed target inputs; None where inputs cannot be mixed or were not.

    Raises:
        ValueError: shapes do not fit, a label is no class, or a mixed row is no row of the target.
    """

    source: Seen | None
    source_labels: np.ndarray | None
    source_val: Seen | None
    source_val_labels: np.ndarray | None
    target: Seen
    mixed: Mixed | None

    def __post_init__(self) -> None:
        if (self.source_val is None) != (self.source_val_labels is None):
            raise ValueError("Source validation examples and their labels must be given together.")
        if (self.source is None) != (self.source_labels is None):
            raise ValueError("Source examples and their labels must be given together.")
        parts = [part for part in (self.source, self.source_val, self.target) if part is not None]
        sizes = {(p.features_ND.shape[1], p.probabilities_NC.shape[1]) for p in parts}
        if len(sizes) > 1:
            raise ValueError(f"All parts must have one number of features and one of classes, got {sorted(sizes)}.")
        if self.source is not None and self.source_labels is not None:
            _check_labels(self.source, self.source_labels)
        if self.source_val is not None and self.source_val_labels is not None:
            _check_labels(self.source_val, self.source_val_labels)
        if self.mixed is not None:
            _check_mixed(self.mixed, self.target)

    @cached_property
    def weights_V(self) -> np.ndarray:
        """(V,) importance weights of the source validation examples, computed once.

        Raises:
            ValueError: there are no source examples, or none for validation.
        """
        if self.source is None or self.source_val is None:
            raise ValueError("Importance weights need source and source validation examples, and this view has none.")
        return importance_weights(self.source.features_ND, self.target.features_ND, self.source_val.features_ND)


def mixing_rows(predictions_M: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of rows to mix for MixVal: each row once with one of its class, once with one of another.

    Args:
        predictions_M: (M,) predicted class of each example.

    Returns:
        Rows (first_P, second_P) with P <= 2M, first the pairs within a class, then those between classes. A row without
        a partner of a kind is left out there: a class of one example has no inner pair, one class alone no outer one.

    Raises:
        ValueError: the predictions are no vector.
    """
    if predictions_M.ndim != 1:
        raise ValueError(f"mixing_rows needs a vector of predicted classes, got shape {predictions_M.shape}.")
    inner, outer = [], []
    for name in np.unique(predictions_M):
        same, other = np.flatnonzero(predictions_M == name), np.flatnonzero(predictions_M != name)
        if len(same) > 1:
            ring = rng.permutation(same)
            inner.append(np.stack([ring, np.roll(ring, 1)]))
        if len(other):
            outer.append(np.stack([same, rng.choice(other, len(same))]))
    first_P, second_P = np.concatenate([np.empty((2, 0), dtype=np.int64), *inner, *outer], axis=1)
    return first_P, second_P


def _check_labels(part: Seen, labels_N: np.ndarray) -> None:
    n, n_classes = part.probabilities_NC.shape
    if labels_N.shape != (n,) or labels_N.dtype.kind not in "iu":
        raise ValueError(f"Labels must be {n} integers, got shape {labels_N.shape} of {labels_N.dtype}.")
    if labels_N.min() < 0 or labels_N.max() >= n_classes:
        raise ValueError(f"Labels must be in 0..{n_classes - 1}, got {labels_N.min()}..{labels_N.max()}.")


def _check_mixed(mixed: Mixed, target: Seen) -> None:
    n, n_classes = target.probabilities_NC.shape
    shapes = mixed.probabilities_PC.shape, mixed.first_P.shape, mixed.second_P.shape
    p = len(mixed.probabilities_PC)
    if shapes != ((p, n_classes), (p,), (p,)):
        raise ValueError(f"Mixed inputs need (P, {n_classes}) probabilities and P rows twice, got {shapes}.")
    if not np.isfinite(mixed.probabilities_PC).all():
        raise ValueError(f"Probabilities {shapes[0]} of mixed inputs must be finite.")
    rows = np.concatenate([mixed.first_P, mixed.second_P])
    if rows.dtype.kind not in "iu" or (p and (rows.min() < 0 or rows.max() >= n)):
        raise ValueError(f"Mixed rows must be rows 0..{n - 1} of the target, got {rows.tolist()[:6]} ...")
