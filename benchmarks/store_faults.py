"""What a store comes to when sweeps are killed, disks are full, files are torn, clocks jump, and a file system has no locks.

    python -m benchmarks.store_faults [--rounds 100] [--seed 0] [--out table.csv]

Each round draws faults by its seed, lets small real sweeps meet them, then does as `tlbench store check` says, runs the same
sweep once more undisturbed, and looks: every run is done (else lost), its files are those of a store that met no fault to the bit
(else wrong), none was computed again after it was finished (else double), and the check finds nothing. Processes are forks of one
that has imported everything. A full disk is a tmpfs where this user may mount one, else a limit of a file's size; clocks are
libfaketime's, where it is installed (Debian: `apt-get install faketime`), and jump for every process at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import glob
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from tests import composing
from tlbench.cli import main as tlbench
from tlbench.running import ensure as ensuring
from tlbench.store import leases, locks
from tlbench.store.check_store import Problem, check_store
from tlbench.store.reading import StoreReader
from tlbench.store.runs import RunStore
from tlbench.store.table import compact, read_tables
from tlbench.store_commands import wrong_key

SWEEP = ["sweep", "dataset=mini_digits", "pair=H-P,P-R", "method=pca,coral_linear", "classifier=nearest_neighbour",
         "backbone=identity", "protocol.n_source=60", "protocol.n_target=60", "validators=0", "distances=0", "seed=0,1",
         "logger=csv", "hydra/launcher=basic", "hydra.sweeper.quiet=true"]  # fmt: skip
FAULTS = [
    "killed",
    "killed twice",
    "two sweeps",
    "two sweeps, one killed",
    "disk full",
    "torn files",
    "index killed",
    "stopped",
]
CLOCK = "FAKETIME_TIMESTAMP_FILE"


@dataclass
class Outcome:
    """What one round came to."""

    faults: str
    n_runs: int = 0
    n_begun: int = 0
    lost: int = 0
    wrong: int = 0
    double: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        return bool(self.lost or self.wrong or self.double or self.problems)


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


def one_round(seed: int, folder: Path, reference: Path, seconds: float) -> Outcome:
    """Draw faults, meet them, mend as the check says, sweep once more and look.

    Args:
        reference: a store of the same sweep that met no fault.
        seconds: what that took.
    """
    chance = random.Random(seed)
    fault = FAULTS[seed % len(FAULTS)]
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
    with _clock(this), _room(this, fault == "disk full"):
        DISTURB[fault](this, seconds)
    planted = _tear(this) if fault == "torn files" else set()
    missed = planted - _mended(this)
    outcome.problems += [f"not found by the check: {path}" for path in sorted(map(str, missed))]
    for key in RunStore(this.store).run_keys():
        if RunStore(this.store).status(key) == "done":
            this.note("done", key)
    this.size_limit = None
    if this.blind:
        time.sleep(1.5)  # by then a claim without a sign of life is old
    if status := wait(this.sweep()):
        outcome.problems.append(f"the last sweep ended with {status}: {(folder / 'said.log').read_text()[-300:]}")
    _judge(this, outcome, RunStore(reference))
    return outcome


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


DISTURB = dict(zip(FAULTS, (_killed, _killed_twice, _two, _two_one_killed, _full, _whole_or_killed, _index_killed, _stopped),
                   strict=True))  # fmt: skip


@contextlib.contextmanager
def _clock(this: Round) -> Iterator[None]:
    """Let the clock of every process jump back and forth by up to a year."""
    if not this.jumps:
        yield
        return
    jumper = os.fork()
    if not jumper:
        while True:
            Path(os.environ[CLOCK]).write_text(f"{this.chance.randint(-(10**7), 3 * 10**7):+d}\n")
            time.sleep(0.5)
    try:
        yield
    finally:
        kill(jumper, 0)
        Path(os.environ[CLOCK]).write_text("+0\n")


@contextlib.contextmanager
def _room(this: Round, full: bool) -> Iterator[None]:
    """Leave little room for the store, and then enough."""
    if not full:
        yield
        return
    this.store.mkdir()
    room = int(this.chance.uniform(0.3, 1.1) * this.needs)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(this.store)]
    if subprocess.run(mount, capture_output=True).returncode:
        this.size_limit = this.chance.randint(100, 20_000)
        yield
        return
    try:
        yield
        kept = this.folder / "kept"
        shutil.copytree(this.store, kept)
    finally:
        subprocess.run(["umount", str(this.store)], check=True)
    this.store.rmdir()
    kept.rename(this.store)


def _tear(this: Round) -> set[Path]:
    """Damage some files of the store; return them."""
    files = sorted(
        path for path in this.store.rglob("*") if path.suffix in (".zip", ".json") and ".aside" not in path.parts
    )
    chosen = this.chance.sample(files, min(len(files), this.chance.randint(1, 4)))
    for path in chosen:
        data = bytearray(path.read_bytes())
        if path.suffix == ".json" or this.chance.random() < 0.5:
            data = data[: this.chance.randrange(len(data))]
        else:
            record = data.find(b'"status"')
            data[this.chance.choice([record, this.chance.randrange(40, len(data) // 2)])] ^= 1
        path.write_bytes(data)
    return set(chosen)


def _problems(this: Round) -> list[Problem]:
    return check_store(RunStore(this.store), wrong_key).problems if this.store.is_dir() else []


def _mended(this: Round) -> set[Path]:
    """Delete what the check says to delete; return what it named."""
    named = set()
    for problem in _problems(this):
        path = problem.path if problem.path.exists() else problem.path.parent
        named.add(path)
        if "elete" in problem.text and "given up" not in problem.text:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return named


def _judge(this: Round, outcome: Outcome, reference: RunStore) -> None:
    store, finished = RunStore(this.store), set()
    outcome.n_runs = len(reference.run_keys())
    for line in this.log.read_text().splitlines():
        what, key = line.split()
        outcome.n_begun += what == "begun"
        outcome.double += what == "begun" and key in finished
        finished |= {key} if what == "done" else set()
    for key in reference.run_keys():
        if store.status(key) != "done":
            outcome.lost += 1
        elif _numbers(store, key) != _numbers(reference, key):
            outcome.wrong += 1
    outcome.wrong += len(set(store.run_keys()) - set(reference.run_keys()))
    done = read_tables(store, verify=True).runs
    outcome.lost += outcome.n_runs - done.loc[done["status"] == "done", "run_key"].nunique()
    outcome.problems += [problem.line() for problem in _problems(this)]
    left = [path for name in (".locks", ".aside") for path in (this.store / name).glob("*")]
    outcome.problems += [f"left: {path}" for path in left]


def _numbers(store: StoreReader, key: str) -> tuple[Any, ...]:
    record = store.record(key) or {}
    return (
        store.part(key, "predictions.parquet"),
        store.part(key, "history.parquet"),
        record["selections"],
        record["sizes"],
    )


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


def table(found: list[Outcome]) -> pd.DataFrame:
    """One row a kind of fault: rounds, runs planned, computed, lost, wrong, double, problems left."""
    rows = [{"fault": part, "rounds": 1, "runs": o.n_runs, "computed": o.n_begun, "lost": o.lost, "wrong": o.wrong,
             "double": o.double, "problems": len(o.problems)} for o in found for part in (*_parts(o.faults), "all")]  # fmt: skip
    return pd.DataFrame(rows).groupby("fault", sort=False).sum().reset_index()


def _parts(faults: str) -> list[str]:
    first = max((name for name in FAULTS if faults.startswith(name)), key=len)
    return [first, *filter(None, faults.removeprefix(first).split(", "))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if library and CLOCK not in os.environ:
        clock = Path(tempfile.mkdtemp()) / "clock"
        clock.write_text("+0\n")
        about = {"LD_PRELOAD": library, CLOCK: str(clock), "FAKETIME_CACHE_DURATION": "1", "NO_FAKE_STAT": "1",
                 "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
        os.execve(
            sys.executable, [sys.executable, "-m", "benchmarks.store_faults", *sys.argv[1:]], {**os.environ, **about}
        )

    ConfigLoaderImpl._load_configuration_impl = composing.remembered  # else most of a sweep is spent on composing
    if CLOCK in os.environ:  # sleeping until a time of a clock that was moved is refused
        time.sleep = lambda seconds: select.select([], [], [], seconds) and None

    def told(seed: int, outcome: Outcome) -> None:
        print(
            f"{seed:4} {outcome.faults:<50} {outcome.n_begun:3} computed {'BAD' if outcome.bad else 'well'}", flush=True
        )
        for problem in outcome.problems:
            print(f"     {problem}", flush=True)

    found = table(rounds(iter(range(options.seed, options.seed + options.rounds)), told))
    print(found.to_string(index=False))
    if options.out:
        found.to_csv(options.out, index=False)
    if found.iloc[-1][["lost", "wrong", "double", "problems"]].any():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
