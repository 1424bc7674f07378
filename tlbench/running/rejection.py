"""Which examples are said to be of no known class, by how sure a method is of the known ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr


@dataclass(frozen=True)
class Rejection:
    """A rule that adds the column of the unknown class to probabilities of K known ones, after the method.

    `entropy`: unknown where H(p) > log(K) / 2, as DANCE has it (Saito et al., NeurIPS 2020; arXiv:2002.07953 from memory).
    A number t in (0, 1): unknown where max p < t, as TLlib's ERM and DANN have it with 0.8 (from memory).

    The new column is max p times the ratio of what the rule looks at to its threshold, H(p) / (log(K) / 2) or t / max p, before
    the row is divided by its sum. So the odds of `unknown` against the likeliest known class are that ratio: they say how far the
    rule is from turning, not how often it is right. For a number the column is t / (1 + t) of every example.

    Attributes:
        rule: `entropy` or the threshold.
    """

    rule: str | float

    def rejects(self, probabilities_NK: np.ndarray) -> np.ndarray:
        """Tell for each example, (N,), whether it is said to be unknown."""
        return self._ratio(probabilities_NK) > 1

    def __call__(self, probabilities_NK: np.ndarray) -> np.ndarray:
        """Return (N, K + 1) float64 probabilities that sum to 1: the last column is the highest just where the rule says unknown,
        and the known classes keep their order and ratios.

        Args:
            probabilities_NK: (N, K) probabilities of the known classes.

        Raises:
            ValueError: fewer than two known classes.
        """
        p_NK = np.asarray(probabilities_NK, dtype=np.float64)
        ratio_N, top_N = self._ratio(p_NK), p_NK.max(axis=1)
        unknown_N = top_N * ratio_N
        total_N = p_NK.sum(axis=1) + unknown_N
        known_NK, unknown_N = p_NK / total_N[:, None], unknown_N / total_N
        # rounding must not turn the rule round: a row just beyond the threshold stays just beyond it
        top_N = known_NK.max(axis=1)
        beyond_N, within_N = np.maximum(unknown_N, np.nextafter(top_N, 1.0)), np.minimum(unknown_N, top_N)
        return np.column_stack([known_NK, np.where(ratio_N > 1, beyond_N, within_N)])

    def _ratio(self, probabilities_NK: np.ndarray) -> np.ndarray:
        """Return (N,) what the rule looks at over its threshold, above 1 where it says unknown."""
        p_NK = np.asarray(probabilities_NK, dtype=np.float64)
        if p_NK.ndim != 2 or p_NK.shape[1] < 2:
            raise ValueError(f"A rule takes (N, K) probabilities of two known classes or more, got shape {p_NK.shape}.")
        if isinstance(self.rule, str):
            return entr(p_NK).sum(axis=1) / (np.log(p_NK.shape[1]) / 2)
        return self.rule / p_NK.max(axis=1)
