"""Schedules: pure functions of progress p in [0, 1] over the run's own length."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial


def constant(p: float) -> float:
    """Stay at 1."""
    return 1.0


def annealed(p: float, annealing: float = 10.0) -> float:
    """Return (1 + annealing p)^-0.75; with 10 the learning rate of Ganin et al., JMLR 2016, section 5.2.2.

    A rate that falls as (1 + gamma i)^-0.75 with the step i, whatever the run's length, has annealing = gamma times the steps.
    """
    return (1 + annealing * p) ** -0.75


def cosine(p: float) -> float:
    """Go from 1 to 0 along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * p))


def quarters(p: float) -> float:
    """Fall to a tenth after each quarter: 1, 0.1, 0.01, 0.001 (Deep CORAL's released solver: every 500 of 2,000 steps)."""
    return 10.0 ** -math.floor(4 * p)


LEARNING_RATE: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "annealed": annealed,
    "cosine": cosine,
    "quarters": quarters,
}


def learning_rate(schedule: str, annealing: float | None) -> Callable[[float], float]:
    """Return the schedule of that name; `annealing` is for `annealed`, None its own."""
    return LEARNING_RATE[schedule] if annealing is None else partial(annealed, annealing=annealing)
