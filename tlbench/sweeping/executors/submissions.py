"""Which runs a sweep has left with an engine that outlives it: written before they are submitted, read by any later command.

A file an array of jobs, named as the jobs are. So whatever is killed and whenever: what the engine's queue shows by that name can
be told from what is not there, and is not submitted a second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.aside import replacing, unique
from tlbench.sweeping.executors.interface import Batch

FOLDER = ".jobs"
PREFIX = "tlbench"


@dataclass(frozen=True)
class Submission:
    """Batches that went to the engine together: the keys of the runs of each, in order.

    Attributes:
        name: of the jobs, of their folder and of this file.
        sweep: name of the sweep.
    """

    name: str
    sweep: str
    batches: list[list[str]]
    folder: Path

    def job(self, index: int) -> str:
        """Return the name of one of its batches."""
        return f"{self.name}/{index}"


def noted(root: Path, sweep: str, batches: Sequence[Batch]) -> Submission:
    """Note batches that are about to be submitted."""
    name = unique(PREFIX)
    found = Submission(name, sweep, [batch.keys for batch in batches], root / FOLDER / name)
    found.folder.mkdir(parents=True)
    with replacing(_file(found)) as aside:
        aside.write_text(json.dumps({"sweep": sweep, "batches": found.batches}), "utf-8")
    return found


def submissions(root: Path) -> Iterator[Submission]:
    """Yield what was noted and is not known to have ended."""
    for path in sorted((root / FOLDER).glob(f"{PREFIX}-*.json")):
        try:
            told = json.loads(path.read_text("utf-8"))
            yield Submission(path.stem, told["sweep"], told["batches"], path.with_suffix(""))
        except (OSError, ValueError, KeyError):  # gone since, or no file of ours
            continue


def forget(submission: Submission) -> None:
    """Note that nothing of it is with the engine any more; its folder of logs stays."""
    _file(submission).unlink(missing_ok=True)


def _file(submission: Submission) -> Path:
    return submission.folder.with_suffix(".json")
