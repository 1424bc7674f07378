"""The gain of one run: two sets of predictions on the same test examples."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlbench.seeds import stream

RESAMPLES = 2000
FLIPS = 99_999


@dataclass(frozen=True)
class Gain:
    """Accuracy (or a weighted one) of a run minus that of its reference, in percentage points, on the same test examples.

    Attributes:
        gain: the estimate.
        low, high: interval of level 1 - alpha, paired bootstrap over groups of examples.
        p: two-sided p-value of no difference: exact (`sign_flip_p`), or sampled where examples have weights.
        flag: `negative` or `positive` by p < alpha and the sign of the gain; else `no_effect` where the whole interval is
            within the margin, else `inconclusive`.
        n, n_groups: test examples and the groups they form.
    """

    gain: float
    low: float
    high: float
    p: float
    flag: str
    n: int
    n_groups: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def paired_gain(
    correct_N: np.ndarray,
    reference_correct_N: np.ndarray,
    groups_N: np.ndarray,
    *,
    alpha: float,
    margin: float = 0.0,
    seed: int = 0,
    weights_N: np.ndarray | None = None,
) -> Gain:
    """Compare two runs example by example.

    Args:
        correct_N, reference_correct_N: (N,) whether each prediction is right.
        groups_N: (N,) group of each example; whole groups are resampled, and flipped in the test.
        alpha: 1 - level of the interval, and threshold of the flag.
        margin: gains within +-margin points are as good as none; 0 makes no such statement.
        seed: seed of the bootstrap, and of the sampled test.
        weights_N: (N,) weight of each example, summing to 1; None: all count the same.
    """
    difference_N = correct_N.astype(np.int64) - reference_correct_N.astype(np.int64)
    _, index_N = np.unique(groups_N, return_inverse=True)
    if weights_N is None:
        sum_G = np.bincount(index_N, weights=difference_N).astype(np.int64)
        gain, size_G = 100.0 * difference_N.mean(), np.bincount(index_N)
        p = sign_flip_p(sum_G)
    else:
        sum_G, size_G = np.bincount(index_N, weights=difference_N * weights_N), np.bincount(index_N, weights=weights_N)
        gain = 100.0 * float((difference_N * weights_N).sum())
        p = sampled_sign_flip_p(sum_G, stream(seed, "sign flips"))
    low, high = _interval(sum_G, size_G, alpha, seed)
    small = -margin < low <= high < margin
    return Gain(gain, low, high, p, flag(gain, p, alpha, small=small), len(difference_N), len(sum_G))


def flag(gain: float, p: float, alpha: float, *, small: bool = False) -> str:
    """Return `negative` or `positive` beyond noise at level alpha, whatever the size; else `no_effect` if `small`, else
    `inconclusive`."""
    if p < alpha and gain != 0:
        return "negative" if gain < 0 else "positive"
    return "no_effect" if small else "inconclusive"


def sign_flip_p(sum_G: np.ndarray) -> float:
    """Return the exact two-sided p-value of the hypothesis that each group's difference is as likely as its negative.

    The null distribution of the sum's size is worked out by convolution. With groups of one example this is the
    exact McNemar test: a sign test on the examples on which the two runs disagree.

    Args:
        sum_G: (G,) integer differences, one a group.
    """
    sizes, counts = np.unique(np.abs(sum_G[sum_G != 0]), return_counts=True)
    law = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        step = np.zeros(2 * size + 1)
        step[[0, -1]] = 0.5
        for _ in range(count):
            law = np.convolve(law, step)
    reach = (len(law) - 1) // 2
    values = np.arange(-reach, reach + 1)
    return float(min(1.0, law[np.abs(values) >= abs(int(sum_G.sum()))].sum()))


def sampled_sign_flip_p(sum_G: np.ndarray, rng: np.random.Generator) -> float:
    """Estimate `sign_flip_p` for differences that are no integers: (1 + draws at least as far from 0) / (1 + draws).

    Groups of one absolute difference are drawn together, as a binomial number of signs.
    """
    sizes, counts = np.unique(np.abs(np.round(sum_G[sum_G != 0], 15)), return_counts=True)
    reached = np.zeros(FLIPS)
    for size, count in zip(sizes, counts, strict=True):
        reached += size * (2.0 * rng.binomial(count, 0.5, FLIPS) - count)
    return float((1 + (np.abs(reached) >= abs(sum_G.sum()) - 1e-12).sum()) / (1 + FLIPS))


def _interval(sum_G: np.ndarray, size_G: np.ndarray, alpha: float, seed: int) -> tuple[float, float]:
    """Bootstrap (percentiles) 100 * sum of differences / number (or weight) of examples, over groups.

    Groups of one sum and size are drawn together: how often each kind comes in a resample is a multinomial draw, which is
    the same law as drawing G groups one by one, at the cost of the few kinds that there are.
    """
    one, other = (_kinds(sign * sum_G, size_G) for sign in (1, -1))
    # drawn on one side of zero, so that the other run's interval is this one's mirror image
    sign = 1 if one >= other else -1
    kinds_K2, counts_K = (np.array(part) for part in zip(*max(one, other), strict=True))
    drawn_RK = stream(seed, "bootstrap").multinomial(len(sum_G), counts_K / len(sum_G), RESAMPLES)
    sums_R, sizes_R = (drawn_RK @ kinds_K2).T
    low, high = sorted(sign * np.quantile(100.0 * sums_R / sizes_R, [alpha / 2, 1 - alpha / 2]))
    if one == other:  # its own mirror image
        low, high = -(high - low) / 2, (high - low) / 2
    return float(low), float(high)


def _kinds(sum_G: np.ndarray, size_G: np.ndarray) -> list[tuple[list[float], int]]:
    """Return (sum, size) of each kind of group and how many there are, in order."""
    kinds_K2, counts_K = np.unique(np.round(np.stack([sum_G, size_G], axis=1), 15), axis=0, return_counts=True)
    return list(zip((kinds_K2 + 0.0).tolist(), counts_K.tolist(), strict=True))
