"""Runs become batches: what one process does in one go, references before what needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tlbench.aside import unique
from tlbench.running.stacking import config_groups
from tlbench.sweeping.executors.interface import Batch

if TYPE_CHECKING:
    from tlbench.sweeping.plan import Job

Place = Mapping[str, str]
"""Run key to the name of the batch that it is in."""


def one_by_one(jobs: Sequence[Job], placed: Place | None = None) -> list[Batch]:
    """Return a batch for each run: where a batch costs nothing, each core has its next run at once."""
    return packed(jobs, lambda job: 1.0, 1.0, placed)


def in_programs(jobs: Sequence[Job], placed: Place | None = None, *, processes: int) -> list[Batch]:
    """Return a batch for each run, but one for those that may be trained as one program, references in batches before."""
    levels = [config_groups([job.setup for job in level], processes) for level in _levels(jobs)]
    if all(len(group) == 1 for groups in levels for group in groups):
        return one_by_one(jobs, placed)
    found, place, by_key = list[Batch](), dict(placed or {}), {job.key: job for job in jobs}
    for group in (group for groups in levels for group in groups):
        found.append(_batch([by_key[setup.key] for setup in group], place))
    return found


def _batch(some: Sequence[Job], place: dict[str, str]) -> Batch:
    """Return the batch of some runs, and put them in their place."""
    needs = {place[key] for job in some for key in prerequisites(job) if key in place}
    batch = Batch(unique("batch"), tuple(some), frozenset(needs))
    place.update(dict.fromkeys((job.key for job in some), batch.name))
    return batch


def packed(
    jobs: Sequence[Job],
    seconds: Callable[[Job], float],
    most: float,
    placed: Place | None = None,
    limit: int | None = None,
) -> list[Batch]:
    """Return batches of about so many seconds, in the order of the runs.

    Runs that have references in common go together, with these, if there is room: such a batch waits for no other, and what a
    process has loaded serves all of it. Where there is no room, batches of references come first, and others need them.

    Args:
        jobs: references before what needs them.
        seconds: what a run is expected to take.
        most: seconds of a batch; a run that takes longer is alone.
        placed: batches that some references are in already.
        limit: runs of a batch.
    """
    found, place = list[Batch](), dict(placed or {})
    filling: list[Job] = []
    free = most
    for family in _families(jobs):
        whole = sum(map(seconds, family))
        if whole > most or (limit is not None and len(family) > limit):
            for level in _levels(family):
                for part in _parts(level, seconds, most, limit):
                    found.append(_batch(part, place))
            continue
        if filling and (whole > free or (limit is not None and len(filling) + len(family) > limit)):
            found.append(_batch(filling, place))
            filling, free = [], most
        filling, free = [*filling, *family], free - whole
    if filling:
        found.append(_batch(filling, place))
    return found


def prerequisites(job: Job) -> list[str]:
    """Return the keys of the runs that a run looks at: its references, and the source model that it starts from."""
    model = job.setup.source_model
    return [*(other.key for other in job.setup.references.values()), *([model.key] if model is not None else [])]


def _families(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return the runs that are tied by references, in their order."""
    known = {job.key for job in jobs}
    chief = {key: key for key in known}

    def head(key: str) -> str:
        while chief[key] != key:
            chief[key] = key = chief[chief[key]]
        return key

    for job in jobs:
        for key in prerequisites(job):
            if key in known:
                chief[head(job.key)] = head(key)
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(head(job.key), []).append(job)
    return list(found.values())


def _levels(family: Sequence[Job]) -> list[list[Job]]:
    """Return a family's runs by how many stand before them: none, then those that need only such, and so on."""
    level: dict[str, int] = {}
    for job in family:  # what a run needs stands before it
        level[job.key] = 1 + max((level[key] for key in prerequisites(job) if key in level), default=-1)
    return [[job for job in family if level[job.key] == n] for n in range(max(level.values(), default=-1) + 1)]


def _parts(jobs: Sequence[Job], seconds: Callable[[Job], float], most: float, limit: int | None) -> Iterator[list[Job]]:
    part: list[Job] = []
    total = 0.0
    for job in jobs:
        if part and (total + seconds(job) > most or len(part) == limit):
            yield part
            part, total = [], 0.0
        part.append(job)
        total += seconds(job)
    if part:
        yield part
