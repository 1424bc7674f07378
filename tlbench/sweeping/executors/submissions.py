"""Which runs a sweep has left with an engine that outlives it: written before they are submitted, read by any later command.

A file an array of jobs, named as the jobs are. So whatever is killed and whenever: what the engine's queue shows by that name can
be told from what is not there, and is not submitted a second time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlbench.aside import replacing, unique
from tlbench.sweeping.executors.interface import Batch

FOLDER = ".jobs"
PREFIX = "tlbench"
YOUNG_SECONDS = 600.0


@dataclass(frozen=True)
class Submission:
    """Batches that went to the engine together: the keys of the runs of each, in order.

    Attributes:
        name: of the jobs, of their folder and of this file.
        sweep: name of the sweep.
        taken: the engine has taken them, so what its queue does not show has ended.
    """

    name: str
    sweep: str
    batches: list[list[str]]
    folder: Path
    taken: bool = False

    def job(self, index: int) -> str:
        """Return the name of one of its batches."""
        return f"{self.name}/{index}"


def noted(root: Path, sweep: str, batches: Sequence[Batch]) -> Submission:
    """Note batches that are about to be submitted."""
    name = unique(PREFIX)
    found = Submission(name, sweep, [batch.keys for batch in batches], root / FOLDER / name)
    found.folder.mkdir(parents=True)
    _write(found)
    return found


def note_taken(submission: Submission) -> None:
    """Note that the engine has taken what was noted."""
    _write(replace(submission, taken=True))


def submissions(root: Path) -> Iterator[Submission]:
    """Yield what was noted and is not known to have ended."""
    for path in sorted((root / FOLDER).glob(f"{PREFIX}-*.json")):
        try:
            told = json.loads(path.read_text("utf-8"))
            yield Submission(path.stem, told["sweep"], told["batches"], path.with_suffix(""), told["taken"])
        except (OSError, ValueError, KeyError):  # gone since, or no file of ours
            continue


def forget_old(submission: Submission) -> None:
    """Forget one of which the queue knows nothing, unless its command may be about to submit it: it is young, and not taken."""
    try:
        young = not submission.taken and time.time() - _file(submission).stat().st_mtime < YOUNG_SECONDS
    except OSError:  # gone since
        return
    if not young:
        forget(submission)


def forget(submission: Submission) -> None:
    """Note that nothing of it is with the engine any more; its folder of logs stays."""
    _file(submission).unlink(missing_ok=True)


def _write(submission: Submission) -> None:
    told = {"sweep": submission.sweep, "batches": submission.batches, "taken": submission.taken}
    with replacing(_file(submission)) as aside:
        aside.write_text(json.dumps(told), "utf-8")


def _file(submission: Submission) -> Path:
    return submission.folder.with_suffix(".json")
