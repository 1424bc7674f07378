"""Checks of a method's parameters, each with a message that says where the parameter is set."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.errors import TlbenchError


def above_zero(**given: float) -> None:
    """Raise TlbenchError for a parameter that is not above 0."""
    for name, value in given.items():
        if not value > 0:
            raise TlbenchError(f"method.{name} must be above 0, got {value}. Set by method.{name}=...")


def at_least(least: float, **given: float) -> None:
    """Raise TlbenchError for a parameter below the least allowed."""
    for name, value in given.items():
        if not value >= least:
            raise TlbenchError(f"method.{name} must be {least:g} or more, got {value}. Set by method.{name}=...")


def between(low: float, high: float, **given: float) -> None:
    """Raise TlbenchError for a parameter outside [low, high]."""
    for name, value in given.items():
        if not low <= value <= high:
            raise TlbenchError(f"method.{name} must be from {low:g} to {high:g}, got {value}. Set by method.{name}=...")


def one_of(allowed: Sequence[str], **given: str) -> None:
    """Raise TlbenchError for a word that is not among those allowed."""
    for name, value in given.items():
        if value not in allowed:
            raise TlbenchError(
                f"method.{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, got {value!r}. Set by method.{name}=..."
            )


def balance(mu: float | str) -> float | str:
    """Return `mu` as a number from 0 to 1 or the word `estimated`. Raises TlbenchError for anything else."""
    if isinstance(mu, str):
        one_of(("a number from 0 to 1", "estimated"), mu=mu)
        return mu
    between(0, 1, mu=mu)
    return float(mu)
