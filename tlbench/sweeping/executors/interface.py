"""What a sweep asks of whatever runs its batches: take them, tell their states, cancel them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tlbench.config.loader import written_runs

if TYPE_CHECKING:
    from tlbench.sweeping.plan import Job

Work = Callable[[str], None]
"""A function of a module that does the runs of a text; other processes find it by its name."""


class State(StrEnum):
    """Of a batch. `unknown`: its engine does not answer; nothing unknown is submitted again."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Batch:
    """Runs that one process does, one after the other.

    Attributes:
        name: of no other batch, also not of another sweep.
        needs: names of batches that must have ended before this one begins.
    """

    name: str
    jobs: tuple[Job, ...]
    needs: frozenset[str] = frozenset()

    @property
    def keys(self) -> list[str]:
        return [job.key for job in self.jobs]

    def text(self, group: str) -> str:
        """Return the settled configs of the runs; those without a group of their own are of this one (for loggers)."""
        configs = (job.config for job in self.jobs)
        return written_runs([c if c.group else c.model_copy(update={"group": group}) for c in configs])


@dataclass(frozen=True)
class Written:
    """A batch of which there is no more than its text, as it comes to a job that does several side by side."""

    name: str
    runs: str
    needs: frozenset[str] = frozenset()

    def text(self, group: str) -> str:
        return self.runs


@dataclass(frozen=True)
class Loss:
    """Why a batch ended before all its runs had a record.

    Attributes:
        kind: `killed`, `memory`, `time`, `node lost`, `exception`, or `cancelled` by a person, who is not contradicted: such
            runs are neither submitted again nor recorded.
        reason: in words.
    """

    kind: str
    reason: str


CANCELLED = "cancelled"


class Executor(ABC):
    """An engine for batches. Runs leave their results in the store; nothing but states comes back."""

    settles: float = 0.0
    """Seconds after the end of a batch in which its last record may still be on the way (file systems of a network)."""
    side_by_side: int = 1
    """Runs of one batch that may be under way at once."""

    @abstractmethod
    def submit(self, batches: Sequence[Batch]) -> None:
        """Take batches; each begins when those that it needs, taken now or before, have ended.

        Raises:
            TlbenchError: the engine refuses them. None of this call is left with it then.
        """

    @abstractmethod
    def states(self) -> dict[str, State]:
        """Return the state of each batch that was taken and has not been told as ended before."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Wait until something may have changed, but no longer than this."""

    @abstractmethod
    def loss(self, name: str) -> Loss:
        """Tell why a batch ended that left runs undone."""

    @abstractmethod
    def cancel(self) -> None:
        """End everything that was taken, at once."""

    def adopt(self, jobs: Sequence[Job]) -> list[Batch]:
        """Return batches with some of these runs that an earlier command left with the engine; they count as taken."""
        return []

    def stop(self) -> int:
        """Begin no further batch; return how many are under way and will be finished."""
        self.cancel()
        return 0

    def announce(self) -> str:
        """Return a line on where the batches are, if they are somewhere that a person may want to look."""
        return ""

    def close(self) -> None:  # noqa: B027 (many hold nothing)
        """Give back what the engine holds (processes, connections)."""
