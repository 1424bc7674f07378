"""What can go wrong, told in one line: what was given, what is allowed, where it was set, what to do."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from functools import lru_cache


class TlbenchError(Exception):
    """The user's mistake: one line on the terminal, no traceback, exit status 2."""


class Refused(TlbenchError):
    """The combination asked for cannot be run; a sweep records it as `skipped` and goes on."""


class Diverged(Exception):
    """A loss term stopped being finite.

    Args:
        step: training step (from 0) at which it was seen first.
        term: name of the first term that is not finite at that step.
    """

    def __init__(self, step: int, term: str) -> None:
        super().__init__(f"term '{term}' is not finite at step {step}")
        self.step, self.term = step, term

    def __reduce__(self) -> tuple:
        return type(self), (self.step, self.term)


def unknown(kind: str, given: str, known: Iterable[str], where: str = "") -> TlbenchError:
    """Return an error that names the nearest known word: "Unknown domain 'webcm'. Did you mean 'webcam'? ..."."""
    known = sorted(map(str, known))
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
    parts = [f"Unknown {kind} '{given}'."]
    if close:
        parts.append(f"Did you mean '{close[0]}'?")
    parts.append(f"Known: {', '.join(known)}." if known else "None is known here.")
    if where:
        parts.append(f"Set by {where}.")
    return TlbenchError(" ".join(parts))


@lru_cache(maxsize=1024)
def say_once(line: str) -> None:
    """Say a line on stderr that stops nothing; once a process, as a command makes its plan more than once."""
    print(f"tlbench: {line}", file=sys.stderr)
