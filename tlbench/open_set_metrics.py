"""What scores of a label space with an unknown class are counted by.

The last class stands for all that no source has. Its recall is UNK; OS* is the mean recall of the known classes that have a test
example, and HOS the harmonic mean of the two: Bucci et al., ECCV 2020, section 3 (from memory: arXiv:2007.12360), who write it
with class means as here. Fu et al., ECCV 2020, take the accuracy over examples of the shared classes for OS*: another number.
"""

from __future__ import annotations

import numpy as np


def classes_alike(labels_N: np.ndarray, unknown: int | None = None) -> np.ndarray:
    """Return (N,) weights that sum to 1 with which each class that has an example counts the same."""
    counts_C = np.bincount(labels_N)
    return 1.0 / (counts_C[labels_N] * (counts_C > 0).sum())


def known_classes_alike(labels_N: np.ndarray, unknown: int | None) -> np.ndarray:
    """Return (N,) weights that sum to 1: each known class that has an example counts the same, the unknown one not at all."""
    known_N, weights_N = labels_N != unknown, np.zeros(len(labels_N))
    weights_N[known_N] = classes_alike(labels_N[known_N])
    return weights_N


def known_examples(labels_N: np.ndarray, unknown: int | None) -> np.ndarray:
    """Return (N,) weights that sum to 1: each example of a known class counts the same, no other counts."""
    return (labels_N != unknown) / (labels_N != unknown).sum()


def unknown_examples(labels_N: np.ndarray, unknown: int | None) -> np.ndarray:
    """Return (N,) weights that sum to 1: each example of the unknown class counts the same, no other counts."""
    return (labels_N == unknown) / (labels_N == unknown).sum()


def _recalls(right_RC: np.ndarray, count_C: np.ndarray, unknown: int) -> tuple[np.ndarray, np.ndarray]:
    """Return OS* and UNK, (R,) each; nan where no example could say."""
    seen_RC = np.broadcast_to(count_C > 0, right_RC.shape)
    recall_RC = np.where(seen_RC, right_RC / np.maximum(count_C, 1), 0.0)
    known_C = np.arange(right_RC.shape[1]) != unknown
    with np.errstate(invalid="ignore"):
        os_star_R = recall_RC[:, known_C].sum(axis=1) / seen_RC[:, known_C].sum(axis=1)
    return os_star_R, np.where(seen_RC[:, unknown], recall_RC[:, unknown], np.nan)


def harmonic_score(right_RC: np.ndarray, count_C: np.ndarray, unknown: int) -> np.ndarray:
    """Compute HOS = 2 OS* UNK / (OS* + UNK) of R counts at once; 0 where both are 0.

    Args:
        right_RC: (R, C) right answers of each class.
        count_C: (C,) or (R, C) examples of each class.
        unknown: the class that stands for all that no source has, one of the C.

    Returns:
        (R,) in [0, 1]; nan where there is no example of a known class, or none of the unknown one.
    """
    os_star_R, unk_R = _recalls(right_RC, count_C, unknown)
    total_R = os_star_R + unk_R
    return np.where(total_R == 0, 0.0, 2 * os_star_R * unk_R / np.where(total_R == 0, 1.0, total_R))


def harmonic_slopes(right_C: np.ndarray, count_C: np.ndarray, unknown: int) -> np.ndarray:
    """Return (C,) the derivative of HOS by the recall of each class, 0 for a class without examples.

    With a = OS*, b = UNK and K known classes that have examples: 2 b^2 / (K (a + b)^2) by a known one, 2 a^2 / (a + b)^2 by the
    unknown one. HOS is homogeneous of degree 1, so recalls times slopes sum to it (Euler). Where both are 0 it has no
    derivative, and these are 0.
    """
    (a,), (b,) = _recalls(right_C[None], count_C, unknown)
    if a + b == 0:
        return np.zeros(len(right_C))
    seen_C, known_C = count_C > 0, np.arange(len(right_C)) != unknown
    return np.where(known_C, 2 * (b / (a + b)) ** 2 / (seen_C & known_C).sum(), 2 * (a / (a + b)) ** 2) * seen_C
