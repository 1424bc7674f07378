"""A round: the store of a small sweep, a log of what was computed, and processes that meet the faults of a place."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlbench.cli import main as tlbench
from tlbench.running import ensure as ensuring
from tlbench.store import leases, locks

SWEEP = ["sweep", "dataset=mini_digits", "pair=H-P,P-R", "method=pca,coral_linear", "classifier=nearest_neighbour",
         "backbone=identity", "protocol.n_source=60", "protocol.n_target=60", "validators=0", "distances=0", "seed=0,1",
         "logger=csv", "hydra/launcher=basic", "hydra.sweeper.quiet=true"]  # fmt: skip


@dataclass
class Round:
    """A store, a log beside it of what was computed, and what chance says of the faults."""

    folder: Path
    chance: random.Random
    without_locks: bool = False
    blind: bool = False
    jumps: bool = False
    size_limit: int | None = None
    needs: int = 0
    """Bytes of the whole store."""

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def log(self) -> Path:
        return self.folder / "computed.log"

    def fork(self, work: Callable[[], Any]) -> int:
        """Do some work in a process of its own; return its number."""
        if child := os.fork():
            return child
        status = 70
        try:
            os.dup2(os.open(self.folder / "said.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
            os.dup2(1, 2)
            self._become()
            status = int(work() or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)

    def _become(self) -> None:
        """Log what is computed, and meet the faults of a place."""
        real = ensuring.prepare

        def prepare(setup: Any, *given: Any) -> Any:
            self.note("begun", setup.key)
            return real(setup, *given)

        ensuring.prepare = prepare
        if self.without_locks:
            fcntl.flock = _no_flock
            locks._has_locks.cache_clear()
            leases._machine.cache_clear()
        if self.blind:  # as on another machine: only a lease's time tells that an owner is dead
            leases._is_dead = lambda owner: False
            for function in (leases.Lease.__init__, leases.remove_dead, leases.is_claimed):
                function.__defaults__ = (0.6,)
        if self.size_limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.size_limit, resource.RLIM_INFINITY))

    def note(self, what: str, key: str) -> None:
        with open(self.log, "ab", buffering=0) as file:
            file.write(f"{what} {key}\n".encode())

    def sweep(self) -> int:
        return self.fork(lambda: tlbench([*SWEEP, f"store={self.store}"]))


def _no_flock(*_: Any) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int, after: float) -> None:
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    wait(child)
