"""The harness's own share of a sweep of many small runs, all in one process.

    python benchmarks/many_runs.py [--runs 200] [--methods sa coral_linear]

Closed forms on the arrays of mini_digits, seed after seed. CPU seconds a run outside the methods' own `fit`, plan included;
memory of the process along the runs, which must not grow; files and folders a run; CPU seconds of the same command again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from fit_seconds import FitSeconds

from tlbench.config.shipped import shipped
from tlbench.config.targets import located
from tlbench.sweeping.commands import swept

PAIRS = ("H-P", "H-R", "P-H", "P-R", "R-H", "R-P")


def words(store: str, methods: Sequence[str], seeds: str) -> list[str]:
    return ["dataset=mini_digits", f"pair={','.join(PAIRS)}", f"method={','.join(methods)}", "classifier=linear_svm",
            f"seed={seeds}", f"store={store}", "hydra/launcher=basic", "hydra.sweeper.quiet=true"]  # fmt: skip


def measured(methods: Sequence[str], runs: int) -> pd.Series:
    """What the docstring of this file names, of about so many runs."""
    seeds = f"range({max(1, round(runs / (len(PAIRS) * (len(methods) + 1))))})"
    fits = FitSeconds(located("method", shipped("method", name)) for name in (*methods, "source_only"))
    with tempfile.TemporaryDirectory() as store:
        swept(words(store, methods, "10000"), None)  # imports, and what is kept of the data
        fits.seconds, fits.memory, files = 0.0, [], sum(1 for _ in Path(store).rglob("*"))
        whole, done = seconds_of(words(store, methods, seeds))
        inodes = sum(1 for _ in Path(store).rglob("*")) - files
        again, _ = seconds_of(words(store, methods, seeds))
    numbers = {"runs": done, "fit, s a run": fits.seconds / done, "harness, s a run": (whole - fits.seconds) / done}
    numbers |= {f"memory at {i}/4 of the runs, MiB": fits.memory[(done - 1) * i // 4] for i in range(5)}
    numbers |= {
        "files and folders a run": inodes / done,
        "again, s": again,
    }
    return pd.Series(numbers)


def seconds_of(sweep: Sequence[str]) -> tuple[float, int]:
    """CPU seconds of a sweep, and the runs that it did."""
    start = time.process_time()
    done = swept(sweep, None).ran
    return time.process_time() - start, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--methods", nargs="+", default=["sa"])
    options = parser.parse_args()
    print(measured(options.methods, options.runs).round(3).to_string())


if __name__ == "__main__":
    main()
