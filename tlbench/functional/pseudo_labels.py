"""Which guesses of a classifier are kept as labels."""

from __future__ import annotations

import numpy as np


def margins(probabilities_NC: np.ndarray) -> np.ndarray:
    """Return (N,) how sure each guess is: the largest probability less the second."""
    first_two_N2 = -np.partition(-probabilities_NC, 1, axis=1)[:, :2]
    return first_two_N2[:, 0] - first_two_N2[:, 1]


def surest(probabilities_NC: np.ndarray, share: float, *, balanced: bool) -> np.ndarray:
    """Return row numbers, sorted, of the `share` (0 to 1] of the rows with the largest margins, rounded up.

    Args:
        balanced: that share of the rows of each guessed class.

    Of equally sure rows the first are kept.
    """
    sure_N = margins(probabilities_NC)
    guesses_N = probabilities_NC.argmax(axis=1) if balanced else np.zeros(len(sure_N), dtype=int)
    kept = []
    for guess in np.unique(guesses_N):
        rows = np.flatnonzero(guesses_N == guess)
        kept.append(rows[np.argsort(-sure_N[rows], kind="stable")][: int(np.ceil(share * len(rows) - 1e-9))])
    return np.sort(np.concatenate(kept))
