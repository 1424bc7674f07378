"""Other classifiers, learnt from the labelled source in a model's features, that are asked about the target's examples."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from tlbench.transfer.features import standardised_pair

NEIGHBOURS = 5
VOTERS = ("neighbours", "ridge", "means")


def nearest(target_TD: np.ndarray) -> np.ndarray:
    """Return the rows of the up to 5 target examples nearest to each, (T, K), itself left out."""
    k = min(NEIGHBOURS, len(target_TD) - 1)
    if k < 1:
        return np.empty((len(target_TD), 0), np.int64)
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(target_TD).kneighbors(return_distance=False)


def votes(source_SD: np.ndarray, labels_S: np.ndarray, target_TD: np.ndarray) -> dict[str, np.ndarray]:
    """Return the class that each of VOTERS gives to each target example.

    neighbours: most frequent class of the 5 nearest source examples, features as they are.
    ridge: ridge regression onto the classes' signs (penalty 1), standardised columns over sqrt(D).
    means: nearest class mean, standardised columns.

    Args:
        source_SD, labels_S: (S, D) features and (S,) classes.
        target_TD: (T, D).

    Returns:
        (T,) classes each; every voter says the one class where the source has no other.
    """
    classes = np.unique(labels_S)
    if len(classes) == 1:
        return {name: np.full(len(target_TD), classes[0]) for name in VOTERS}
    source, target = standardised_pair(np.asarray(source_SD, np.float64), np.asarray(target_TD, np.float64))
    width = np.sqrt(source.shape[1])
    means_CD = np.stack([source[labels_S == name].mean(axis=0) for name in classes])
    near = KNeighborsClassifier(min(NEIGHBOURS, len(source_SD)), algorithm="brute").fit(source_SD, labels_S)
    return {
        "neighbours": near.predict(target_TD),
        "ridge": RidgeClassifier(alpha=1.0).fit(source / width, labels_S).predict(target / width),
        "means": classes[pairwise_distances_argmin(target, means_CD)],
    }
