"""Rounds of faults on small sweeps, beside the same sweep without any."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.store_faults.damage import mended, tear
from benchmarks.store_faults.disturbances import DISTURB
from benchmarks.store_faults.faulty_round import SWEEP, Round, wait
from benchmarks.store_faults.outcome import Outcome, judge
from benchmarks.store_faults.surroundings import CLOCK, clock, room
from tlbench.cli import main as tlbench
from tlbench.store.runs import RunStore


def one_round(seed: int, folder: Path, reference: Path, seconds: float) -> Outcome:
    """Draw faults, meet them, mend as the check says, sweep once more and look.

    Args:
        reference: a store of the same sweep that met no fault.
        seconds: what that took.
    """
    chance = random.Random(seed)
    fault = [*DISTURB][seed % len(DISTURB)]
    this = Round(folder, chance, chance.random() < 0.5)
    this.blind = this.without_locks and chance.random() < 0.5
    this.jumps = CLOCK in os.environ and chance.random() < 0.4
    this.needs = sum(path.stat().st_blocks * 512 for path in reference.rglob("*"))
    names = [
        fault,
        *["no locks"] * this.without_locks,
        *["another machine"] * this.blind,
        *["clock jumps"] * this.jumps,
    ]
    outcome = Outcome(", ".join(names))
    folder.mkdir(parents=True)
    with clock(this), room(this, fault == "disk full"):
        DISTURB[fault](this, seconds)
    planted = tear(this) if fault == "torn files" else set()
    missed = planted - mended(this)
    outcome.problems += [f"not found by the check: {path}" for path in sorted(map(str, missed))]
    for key in RunStore(this.store).run_keys():
        if RunStore(this.store).status(key) == "done":
            this.note("done", key)
    this.size_limit = None
    if this.blind:
        time.sleep(1.5)  # by then a claim without a sign of life is old
    if status := wait(this.sweep()):
        outcome.problems.append(f"the last sweep ended with {status}: {(folder / 'said.log').read_text()[-300:]}")
    judge(this, outcome, RunStore(reference))
    return outcome


def rounds(numbers: Iterator[int], told: Callable[[int, Outcome], None] = lambda seed, outcome: None) -> list[Outcome]:
    """Do rounds; return what each came to."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TLBENCH_CACHE"] = f"{folder}/cache"
        calm = Round(Path(folder) / "calm", random.Random(0))
        calm.folder.mkdir()
        assert tlbench([*SWEEP, f"store={folder}/warm"]) == 0  # imports and data of all forks
        started = time.monotonic()
        assert wait(calm.sweep()) == 0, (calm.folder / "said.log").read_text()
        seconds, found = time.monotonic() - started, []
        for seed in numbers:
            found.append(one_round(seed, Path(folder) / str(seed), calm.store, seconds))
            told(seed, found[-1])
            if not found[-1].bad:
                shutil.rmtree(Path(folder) / str(seed), ignore_errors=True)
        return found
