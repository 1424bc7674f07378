"""A few target labels that settle what signals leave open: which examples to label, and what the labels say of the gain.

Where method and reference say the same class, a label cannot move their difference: all labels go to disagreements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc

STRENGTH = 4.0
"""Labels that the warning's word counts for."""
DRAWS = 20_000
SUREST = 1e-3
"""No warning is taken to be nearer to 0 or 1."""


@dataclass(frozen=True)
class Settled:
    """What the labels say.

    Attributes:
        probability: of a gain below 0, on more examples of the kind.
        gain, low, high: percentage points, with a 95 % interval, of all N examples, those that were labelled among them.
        n_own, n_reference, n_neither: labelled disagreements on which the method was right, the reference, none of them.
    """

    probability: float
    gain: float
    low: float
    high: float
    n_own: int
    n_reference: int
    n_neither: int


def chosen_rows(own_NC: np.ndarray, reference_NC: np.ndarray, most: int) -> np.ndarray:
    """Return up to `most` rows of disagreements to label.

    Disagreements are of kinds: the class by the method, the class by the reference. Of one kind mostly the same of the two is
    right, so a kind's second label says less than its first: labels go to kinds by highest averages (each next one to the kind
    of most examples over 1 + labels so far). Inside a kind examples are sorted by how much more the two together hold for the
    method's class than for the reference's, and taken at even distances along that order.

    Args:
        own_NC, reference_NC: class probabilities of N unlabelled examples.
    """
    said_N, other_said_N = own_NC.argmax(axis=1), reference_NC.argmax(axis=1)
    apart = np.flatnonzero(said_N != other_said_N)
    if not len(apart):
        return apart
    own, reference, rows = said_N[apart], other_said_N[apart], np.arange(len(apart))
    both_NC = own_NC[apart] + reference_NC[apart]
    for_own = both_NC[rows, own] - both_NC[rows, reference]
    _, kind, sizes = np.unique(np.stack([own, reference]), axis=1, return_inverse=True, return_counts=True)
    taken = np.zeros(len(sizes), int)
    for _ in range(min(most, len(apart))):
        taken[(sizes / (1 + taken)).argmax()] += 1  # one that is used up is below 1, any other is not
    found = []
    for k in np.flatnonzero(taken):
        mine = rows[kind == k]
        ordered = mine[np.argsort(for_own[mine], kind="stable")]
        found.append(ordered[np.floor((np.arange(taken[k]) + 0.5) * len(ordered) / taken[k]).astype(int)])
    return apart[np.concatenate(found)]


def settled(
    labels: Sequence[int], own_said: Sequence[int], reference_said: Sequence[int], n_apart: int, n_examples: int,
    warning: float, strength: float = STRENGTH,
) -> Settled:  # fmt: skip
    """Return what labels of disagreements say of the gain, beside what the warning had said.

    Of decisive disagreements, on which one of the two is right, the method is right with probability q. Before any label q has
    the Beta distribution of this strength that gives q < 1/2 the warning's probability; labels make it
    Beta(a + own, b + reference).
    The shares of decisive and other disagreements start from one label each. What the labelled ones came to is known; of the
    others it is drawn, each by itself.

    Args:
        labels, own_said, reference_said: true and said classes of the labelled disagreements.
        n_apart, n_examples: disagreements, and examples, labelled ones among them.
        warning: probability of a gain below 0 without any label.
        strength: labels that the warning counts for.

    Raises:
        ValueError: they are not as many, or a row is no disagreement.
    """
    y, m, r = (np.asarray(values) for values in (labels, own_said, reference_said))
    if not len(y) == len(m) == len(r) or (m == r).any() or not len(y) <= n_apart <= n_examples:
        raise ValueError(
            f"Needs one label for each of {len(m)} disagreements, got {len(y)}, and no example on which both agree; "
            f"of {n_examples} examples {n_apart} are disagreements."
        )
    n_own, n_reference = int((y == m).sum()), int((y == r).sum())
    n_neither = len(y) - n_own - n_reference
    a, b = prior(warning, strength)
    rng = np.random.default_rng(0)
    q = rng.beta(a + n_own, b + n_reference, DRAWS)
    decisive = rng.beta(1 + n_own + n_reference, 1 + n_neither, DRAWS)
    rest = rng.binomial(n_apart - len(y), decisive)
    won = rng.binomial(rest, q)
    gains = 100 * (n_own - n_reference + 2 * won - rest) / n_examples
    low, high = np.quantile(gains, [0.025, 0.975])
    probability = float(betainc(a + n_own, b + n_reference, 0.5))
    return Settled(probability, float(gains.mean()), float(low), float(high), n_own, n_reference, n_neither)


def prior(warning: float, strength: float) -> tuple[float, float]:
    """Return the Beta distribution (a, b) with a + b = strength whose mass below 1/2 is the warning's probability."""
    wanted = float(np.clip(warning, SUREST, 1 - SUREST))
    a = brentq(lambda a: betainc(a, strength - a, 0.5) - wanted, SUREST, strength - SUREST)
    return float(a), float(strength - a)
