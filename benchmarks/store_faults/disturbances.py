"""What happens to the sweeps of a round, by the name of the fault."""

from __future__ import annotations

import os
import signal
import time

from benchmarks.store_faults.faulty_round import Round, kill, wait
from tlbench.store.runs import RunStore
from tlbench.store.table import compact


def _killed(this: Round, seconds: float) -> None:
    _kill_amid(this, this.sweep())


def _kill_amid(this: Round, child: int) -> None:
    """Kill a sweep while it does the runs that chance says."""
    lines = this.log.read_text().count("\n") if this.log.exists() else 0
    wanted = lines + this.chance.randint(0, 10)
    while (this.log.read_text().count("\n") if this.log.exists() else 0) < wanted:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.002)
    kill(child, this.chance.uniform(0, 0.1))


def _killed_twice(this: Round, seconds: float) -> None:
    _killed(this, seconds)
    _killed(this, seconds)


def _two(this: Round, seconds: float) -> None:
    children = [this.sweep() for _ in range(this.chance.choice([2, 3]))]
    for child in children:
        wait(child)


def _two_one_killed(this: Round, seconds: float) -> None:
    children = [this.sweep(), this.sweep()]
    _kill_amid(this, children[0])
    wait(children[1])


def _full(this: Round, seconds: float) -> None:
    wait(this.sweep())


def _whole_or_killed(this: Round, seconds: float) -> None:
    kill(this.sweep(), this.chance.uniform(0.3, 2) * seconds)


def _index_killed(this: Round, seconds: float) -> None:
    sweep, ends = this.sweep(), time.monotonic() + seconds
    while time.monotonic() < ends:
        this.store.mkdir(exist_ok=True, parents=True)
        kill(this.fork(lambda: [compact(RunStore(this.store)) for _ in range(9999)] and 0), this.chance.uniform(0, 0.2))
    wait(sweep)
    wait(this.fork(lambda: compact(RunStore(this.store)) and 0))


def _stopped(this: Round, seconds: float) -> None:
    children = [this.sweep(), this.sweep()]
    time.sleep(this.chance.uniform(0, seconds))
    os.kill(children[0], signal.SIGSTOP)
    time.sleep(1.0)
    os.kill(children[0], signal.SIGCONT)
    for child in children:
        wait(child)


DISTURB = {
    "killed": _killed,
    "killed twice": _killed_twice,
    "two sweeps": _two,
    "two sweeps, one killed": _two_one_killed,
    "disk full": _full,
    "torn files": _whole_or_killed,
    "index killed": _index_killed,
    "stopped": _stopped,
}
