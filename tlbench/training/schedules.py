"""Schedules: pure functions of progress p in [0, 1] over the run's own length."""

from __future__ import annotations

import math
from collections.abc import Callable


def constant(p: float) -> float:
    """1."""
    return 1.0


def annealed(p: float) -> float:
    """(1 + 10 p)^-0.75, the learning rate of Ganin et al., JMLR 2016, section 5.2.2."""
    return (1 + 10 * p) ** -0.75


def cosine(p: float) -> float:
    """From 1 to 0 along half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * p))


LEARNING_RATE: dict[str, Callable[[float], float]] = {"constant": constant, "annealed": annealed, "cosine": cosine}
