"""Launching jobs when a launcher may break: a process that is killed takes a whole launch with it, but no other run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.plan import Job


ALONE = 4
"""Jobs launched one by one after a launch that broke before any of its jobs ended; then all that are left, together."""


def launch_all(jobs: Sequence[Job], launch: Callable[[Sequence[Job]], None], store: RunStore) -> list[tuple[Job, str]]:
    """Launch jobs until each has left a record or was lost; return the lost ones with the launcher's reason.

    Args:
        launch: starts some of them and waits; raises where a process died.
    """
    before = {job.key: store.stamp(job.key) for job in jobs}
    lost: dict[str, tuple[Job, str]] = {}

    def left() -> list[Job]:
        return [job for job in jobs if job.key not in lost and store.stamp(job.key) == before[job.key]]

    def broke(some: Sequence[Job]) -> str | None:
        try:
            launch(some)
        except Exception as error:  # whatever it is: it becomes the reason of the jobs that it cost
            return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return None

    while remaining := left():
        reason = broke(remaining)
        after = left()
        if len(remaining) == 1:  # it was alone already
            lost |= {job.key: (job, reason or "It left no record.") for job in after}
            continue
        if reason is not None and len(after) < len(remaining):
            continue  # some ended before the launch broke: the rest together once more
        for job in after[:ALONE]:
            reason = broke([job])
            if job in left():
                lost[job.key] = (job, reason or "It left no record.")
    return list(lost.values())
