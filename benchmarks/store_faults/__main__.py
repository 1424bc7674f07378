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
import glob
import os
import select
import sys
import tempfile
import time
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl

from benchmarks.store_faults.outcome import Outcome, table
from benchmarks.store_faults.rounds import rounds
from benchmarks.store_faults.surroundings import CLOCK
from tests import composing


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
