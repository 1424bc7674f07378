"""Judge differences: interval, p-value, correction and flag, in one way for cells, classes and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tlbench.transfer.crossed_gain import FEWEST_SEEDS, cell_flag, corrected, half_width, p_above

if TYPE_CHECKING:
    from tlbench.findings.differences import CellDifferences
    from tlbench.findings.rule import Rule


@dataclass(frozen=True)
class Judgement:
    """What is said of N differences; arrays of shape (N,), in points or probabilities.

    Attributes:
        gain: as judged.
        half: half width of the 1 - alpha interval, not corrected; nan with one seed.
        p: two-sided p-value of no gain; nan with fewer than three seeds.
        p_corrected: p corrected within its family.
        flag: `negative`, `positive`, `no_effect`, `inconclusive` or `few_seeds`.
    """

    gain: np.ndarray
    half: np.ndarray
    p: np.ndarray
    p_corrected: np.ndarray
    flag: np.ndarray


def judge(
    differences: Sequence[CellDifferences],
    rule: Rule,
    *,
    gains: np.ndarray | None = None,
    families: Sequence[str] | None = None,
) -> Judgement:
    """Judge each difference as a whole.

    p is exact where no seed changes anything (`CellDifferences.exact_p`), else from seeds and examples. A gain is `no_effect`
    where two one-sided tests show it to be within the margin. Both kinds of p are corrected over the differences that have
    one (three seeds or more), each kind by itself.

    What is judged together is the caller's choice, for that is what is corrected over: a report's cells, methods and references
    each a family; the classes of all methods' cells; the places that two methods share. Causes take p alone, not corrected.

    Args:
        gains: (N,) points, where the differences' own estimates are not what is printed.
        families: (N,) names; corrected within each. None: all are one family.
    """
    whole = [found.whole for found in differences]
    gain = np.array([part.gain for part in whole]) if gains is None else gains
    distance, has_p = np.abs(gain), np.array([part.n_seeds >= FEWEST_SEEDS for part in whole], bool)
    exact = np.array([np.nan if found.exact_p is None else found.exact_p for found in differences], float)
    p = np.where(has_p & ~np.isnan(exact), exact, 2 * p_above(whole, distance))
    # a gain outside the margin is no evidence for one inside it
    outside = np.where(distance < rule.margin, p_above(whole, np.maximum(rule.margin - distance, 0)), 1.0)
    outside = np.where(np.isnan(p), np.nan, outside)
    family = np.array([""] * len(whole) if families is None else list(families), dtype=object)
    p_corrected, outside_corrected = np.full((2, len(whole)), np.nan)
    for name in dict.fromkeys(family):
        own = family == name
        p_corrected[own] = corrected(p[own], rule.correction)
        outside_corrected[own] = corrected(outside[own], rule.correction)
    flag = [
        cell_flag(g, q, e, part.n_seeds, rule.alpha)
        for g, q, e, part in zip(gain, p_corrected, outside_corrected, whole, strict=True)
    ]
    return Judgement(gain, half_width(whole, rule.alpha), p, p_corrected, np.array(flag, dtype=object))
