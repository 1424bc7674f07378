"""From what methods and their reference say to advice on each, and to a prediction that all have a part in. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlbench.advising.looking import Looked
from tlbench.transfer.warning.model import WarningModel
from tlbench.transfer.warning.signals import signals

ADAPT, KEEP, UNSURE, SAME = "adapt", "keep the reference", "cannot tell", "says the same"


@dataclass(frozen=True)
class Advice:
    """What is said of one method.

    Attributes:
        probability: of a gain below 0.
        verdict: ADAPT, KEEP, UNSURE, or SAME, where it and the reference disagree on no example.
        spoke: the signals that moved the probability most, with what each added to its log odds.
        n_apart, n_examples: unlabelled examples of which it and the reference say different classes, and all that were looked
            at.
    """

    method: str
    probability: float
    verdict: str
    spoke: list[tuple[str, float]]
    n_apart: int
    n_examples: int


def advise_on(
    look: Looked, reference: Looked, model: WarningModel, others: Sequence[Looked] = (), most: int = 3
) -> Advice:
    """Return the advice on a method beside its reference; other methods vote between the two."""
    said = signals(look.outlook, reference.outlook, [other.outlook for other in others])
    probability, parts = model.probability(said), model.contributions(said)
    spoke = sorted(parts.items(), key=lambda item: -abs(item[1]))[:most]
    n_apart, n = int((look.outlook.said_N != reference.outlook.said_N).sum()), len(look.outlook.said_N)
    verdict = verdict_of(probability, model) if n_apart else SAME
    return Advice(look.method, probability, verdict, [(n, v) for n, v in spoke if v], n_apart, n)


def verdict_of(probability: float, model: WarningModel) -> str:
    """Return what to do at this probability of a gain below 0."""
    if probability < model.adapt_below:
        return ADAPT
    return KEEP if probability > model.keep_above else UNSURE


def soft_vote(looks: Sequence[Looked]) -> np.ndarray:
    """Return the mean of class probabilities, (N, C), of models with the same outputs for the same examples."""
    return np.mean([look.says_NC for look in looks], axis=0)


def best_of(found: Sequence[Advice], fewest: int = 1) -> Advice:
    """Return the advice on the method that is least likely to hurt, of those with so many disagreements, or with the most."""
    return min(found, key=lambda advice: (-min(advice.n_apart, fewest), advice.probability))
