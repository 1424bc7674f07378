"""From signals to the probability of a gain below zero: a small model that was fitted on the atlas and is shipped as JSON."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import expit

SHIPPED = Path(__file__).with_name("model.json")


@dataclass(frozen=True)
class Step:
    """A step function of one signal: `values[k]` between `edges[k - 1]` and `edges[k]`, one value more than edges."""

    edges: Sequence[float]
    values: Sequence[float]

    def __call__(self, value: float) -> float:
        return self.values[bisect_right(self.edges, value)]


@dataclass(frozen=True)
class WarningModel:
    """Log odds of a gain below 0: a bias, and a step function a signal.

    Attributes:
        version: of the atlas and the fit; stands beside each probability.
        bias: log odds where no signal is known.
        steps: by signal, what it adds to the log odds; none of a signal that is missing.
        adapt_below, keep_above: probabilities below which adapting is advised, and above which the reference; between them
            nothing is.
    """

    version: str
    bias: float
    steps: Mapping[str, Step]
    adapt_below: float = 0.4
    keep_above: float = 0.6

    def contributions(self, signals: Mapping[str, float]) -> dict[str, float]:
        """Return what each signal adds to the log odds of a gain below 0; one that is missing adds nothing."""
        known = {name: signals[name] for name in self.steps if name in signals and np.isfinite(signals[name])}
        return {name: step(known[name]) if name in known else 0.0 for name, step in self.steps.items()}

    def probability(self, signals: Mapping[str, float]) -> float:
        """Return the probability of a gain below 0, in (0, 1)."""
        return float(expit(self.bias + sum(self.contributions(signals).values())))

    def calibrated(self, slope: float, shift: float) -> WarningModel:
        """Return the model whose log odds are slope * these + shift."""
        steps = {n: Step(step.edges, [slope * value for value in step.values]) for n, step in self.steps.items()}
        return replace(self, bias=slope * self.bias + shift, steps=steps)

    def as_json(self) -> str:
        """Write the model; numbers have seven digits, which no probability shows."""
        text = json.dumps(asdict(self), default=list)
        return json.dumps(json.loads(text, parse_float=lambda number: float(f"{float(number):.7g}")), indent=1) + "\n"

    @classmethod
    def of_json(cls, text: str) -> WarningModel:
        told = json.loads(text)
        return cls(**{**told, "steps": {name: Step(**step) for name, step in told["steps"].items()}})


@cache
def shipped_model() -> WarningModel | None:
    """Return the model that comes with tlbench; None where there is none."""
    return WarningModel.of_json(SHIPPED.read_text("utf-8")) if SHIPPED.is_file() else None
