"""Search of hyper-parameters: spaces, and the values that their trials take.

Trial 0 is the config as it is; the others are drawn. Each name has random streams of its own, so another name in the space
moves none of its values, and more trials go on where fewer end. All seeds and pairs share the trials.
"""

from __future__ import annotations

import math
import re
from itertools import product
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, FiniteFloat, model_validator
from scipy.stats import qmc

from tlbench.seeds import stream
from tlbench.strict import Positive, Strict
from tlbench.sweeping.overrides import Overrides, key_of

DIGITS = 4
"""Significant digits of a drawn number that is no integer, so that overrides are short and keys stable."""


class Range(Strict):
    """What one name may be: a number between `low` and `high`, or one of several `choices`."""

    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    scale: Literal["linear", "log", "int"] | None = None
    choices: list[Any] | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.choices is not None:
            several = len({repr(choice) for choice in self.choices}) > 1
            if self.low is not None or self.high is not None or self.scale is not None or not several:
                raise ValueError("choices must be two or more different values, and stand alone")
        elif self.low is None or self.high is None or self.scale is None or not self.low < self.high:
            raise ValueError("needs low < high and scale, or choices")
        elif self.scale == "log" and self.low <= 0:
            raise ValueError("scale log needs low above 0")
        elif self.scale == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("scale int needs whole numbers")
        return self

    def at(self, u: float) -> Any:
        """Return the value at u in [0, 1): uniform u gives values uniform over the choices, the integers, the logarithms or the
        numbers of the range."""
        if self.choices is not None:
            return self.choices[min(int(u * len(self.choices)), len(self.choices) - 1)]
        assert self.low is not None
        assert self.high is not None
        if self.scale == "int":
            return int(min(self.low + math.floor(u * (self.high - self.low + 1)), self.high))
        low, high = self.low, self.high
        return round_value(low * (high / low) ** u if self.scale == "log" else low + u * (high - low), self)

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in the range."""
        if self.choices is not None:
            return value in self.choices
        return self.low is not None and self.high is not None and self.low <= value <= self.high


class Search(Strict):
    """A search: `trials` for each method and recipe, the config as it is being the first.

    `grid` tries every combination of choices instead, whatever `trials` says.
    """

    name: str
    trials: Positive
    engine: Literal["sobol", "random", "tpe", "grid"]
    seed: Annotated[int, Field(ge=0)]
    space: dict[str, Range]

    @model_validator(mode="after")
    def _a_grid_has_choices(self) -> Search:
        lacks = [name for name, space in self.space.items() if space.choices is None]
        if self.engine == "grid" and lacks:
            raise ValueError(f"engine=grid needs choices for each name, and {lacks[0]} has a range")
        return self

    def values(self) -> list[dict[str, Any]]:
        """Return what each trial sets, by name: nothing in trial 0. (For `tpe`, see `tlbench.sweeping.adaptive`.)"""
        if self.engine == "grid":
            combinations = product(*(space.choices or [] for space in self.space.values()))
            return [{}, *(dict(zip(self.space, values, strict=True)) for values in combinations)]
        drawn = {name: uniforms(self.engine, self.trials - 1, self.seed, name) for name in self.space}
        trials = [{name: self.space[name].at(drawn[name][i]) for name in drawn} for i in range(self.trials - 1)]
        return [{}, *trials]


def round_value(value: float, space: Range) -> float:
    """Round a number of a range to DIGITS significant digits, still inside it."""
    assert space.low is not None
    assert space.high is not None
    return min(max(float(f"{value:.{DIGITS}g}"), space.low), space.high)


def with_values(job: Overrides, values: dict[str, Any]) -> Overrides:
    """Return the overrides of a job with what a trial sets."""
    return [*(o for o in job if key_of(o) not in values), *(f"{key}={written(value)}" for key, value in values.items())]


def uniforms(engine: str, n: int, seed: int, name: str) -> np.ndarray:
    """Draw (n,) numbers in [0, 1) that depend on the seed, the name and their place alone.

    `sobol`: points of a scrambled one-dimensional Sobol sequence, 2^k to 2^(k+1) - 1 in an order of the name's own for each
    k. The first 2^k points stand one in each of 2^k equal parts of [0, 1), for every name (an extensible Latin hypercube).
    Without the order, any two names would rise and fall together: scrambling leaves the leading digits of one dimension tied
    to the place in the sequence. Columns of one many-dimensional sequence would move when a name is added.
    """
    if engine == "random":
        return stream(seed, name).random(n)
    bits = max(n - 1, 0).bit_length()
    points = qmc.Sobol(1, scramble=True, rng=stream(seed, name, "points")).random_base2(bits)[:, 0]
    order = stream(seed, name, "order")
    blocks = [np.zeros(1, dtype=np.int64), *(2**k + order.permutation(2**k) for k in range(bits))]
    return points[np.concatenate(blocks)][:n]


def written(value: Any) -> str:
    """Write a value as Hydra reads it in an override: 0.01, true, null, word, 'two words', [1,2], {a:1}."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{written(v)}' for key, v in value.items())}}}"
    if isinstance(value, str):
        if re.fullmatch(r"[A-Za-z_]\w*", value) and value.lower() not in ("true", "false", "null", "nan", "inf"):
            return value
        # in quotes Hydra halves the backslashes before a quote, and leaves all others as they are
        return "'" + re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), value) + "'"
    return repr(value)
