"""Kinds of failure: a sweep that lost a third of its runs to memory is another case than one that diverged."""

from __future__ import annotations

EXCEPTION, DIVERGED, MEMORY, TIME, KILLED, NODE_LOST = (
    "exception",
    "divergence",
    "memory",
    "time",
    "killed",
    "node lost",
)
KINDS = {
    EXCEPTION: "an error was raised",
    DIVERGED: "a loss stopped being finite",
    MEMORY: "memory ran out",
    TIME: "its time was up",
    KILLED: "its process was ended from outside",
    NODE_LOST: "its machine went away",
}
"""What a record's `failure` may be; records of older versions have none."""


def kind_of(error: BaseException) -> str:
    """Return the kind of an error that a run raised, or that its cause is."""
    named = {type(found).__name__ for found in (error, error.__cause__) if found is not None}
    text = str(error)
    allocation = "out of memory" in text or "can't allocate memory" in text or "cannot allocate memory" in text.lower()
    if (
        "MemoryError" in named
        or "OutOfMemoryError" in named
        or (isinstance(error, RuntimeError | OSError) and allocation)
    ):
        return MEMORY
    return EXCEPTION
