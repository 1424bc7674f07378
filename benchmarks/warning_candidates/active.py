"""Which examples to label by a consensus: those on which it is least sure whether the method or its reference is right."""

from __future__ import annotations

import numpy as np

from benchmarks.warning_candidates.posteriors import dawid_skene

ROUNDS = 8


def doubtful_rows(said_VN: np.ndarray, n_classes: int, labels_N: np.ndarray, most: int) -> np.ndarray:
    """Return up to `most` disagreements of the first two voters, one label after the other known to the next choice.

    The next example is the one whose part in the difference of the two accuracies has the largest variance under the consensus.

    Paper    Kay et al., Consensus-Driven Active Model Selection, ICCV 2025, arXiv:2507.23771
    Departs  1. of two models alone the variance of their difference stands for the entropy of which one is best
             2. the consensus is that of `dawid_skene`

    Args:
        said_VN: class that each voter gives to each example; the method and its reference first.
        labels_N: true classes, of which those of chosen examples are looked at.
    """
    own_N, reference_N = said_VN[0], said_VN[1]
    left, known = np.flatnonzero(own_N != reference_N), dict[int, int]()
    while len(known) < most and len(left):
        says_NC = dawid_skene(said_VN, n_classes, ROUNDS, known)
        for_own, for_reference = says_NC[left, own_N[left]], says_NC[left, reference_N[left]]
        row = int(left[(for_own + for_reference - (for_own - for_reference) ** 2).argmax()])
        known[row] = int(labels_N[row])
        left = left[left != row]
    return np.array(list(known), int)
