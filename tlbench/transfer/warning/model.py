"""From signals to the probability of a gain below zero: a small model that was fitted on the atlas and is shipped as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import expit

SHIPPED = Path(__file__).with_name("model.json")
FURTHEST = 4.0
"""Standard deviations at which a signal is cut off: one never seen in the atlas says no more than its most extreme there."""


@dataclass(frozen=True)
class WarningModel:
    """A logistic model on standardised signals.

    Attributes:
        version: of the atlas and the fit; stands beside each probability.
        names: of the signals that it looks at.
        centers, scales: of each signal in the atlas: median, and a robust standard deviation above 0.
        weights: of each standardised signal.
        bias: log odds where all signals are at their centres.
        adapt_below, keep_above: probabilities up to which adapting, and from which the reference, had the higher accuracy in the
            atlas, by an interval; between them nothing is advised.
    """

    version: str
    names: Sequence[str]
    centers: Sequence[float]
    scales: Sequence[float]
    weights: Sequence[float]
    bias: float
    adapt_below: float = 0.3
    keep_above: float = 0.7

    def contributions(self, signals: Mapping[str, float]) -> dict[str, float]:
        """Return what each signal adds to the log odds of a gain below 0; one that is missing adds nothing."""
        found = {}
        for name, center, scale, weight in zip(self.names, self.centers, self.scales, self.weights, strict=True):
            value = signals.get(name)
            moved = 0.0 if value is None or not np.isfinite(value) else (value - center) / scale
            found[name] = weight * float(np.clip(moved, -FURTHEST, FURTHEST))
        return found

    def probability(self, signals: Mapping[str, float]) -> float:
        """Return the probability of a gain below 0, in (0, 1)."""
        return float(expit(self.bias + sum(self.contributions(signals).values())))

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def of_json(cls, text: str) -> WarningModel:
        return cls(**json.loads(text))


@cache
def shipped_model() -> WarningModel | None:
    """Return the model that comes with tlbench; None where there is none."""
    return WarningModel.of_json(SHIPPED.read_text("utf-8")) if SHIPPED.is_file() else None
