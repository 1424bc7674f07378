"""A store of 100,000 runs: its tidy table, locks, `store check` with ten planted faults; seconds, memory, files.

    python benchmarks/store.py [--runs 100000]

Runs as a real sweep leaves them, of ten selections and five checkpoints, one file each, copied under other keys. Aims: the tidy
table in 10 s and 2 GB with the index of `tlbench store compact`, locks within twice those beside 1,000 runs, every planted fault
found. The last lines are a second look by a program that keeps its index, as a dashboard does. Seconds of the clock, and of the
processor alone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from report import make_store

from tlbench.store.check_store import check_store
from tlbench.store.index import EMPTY, FILE
from tlbench.store.records import CONFIG, TABLE, checksums, sealed_record
from tlbench.store.run_files import pack
from tlbench.store.runs import RunStore
from tlbench.store.stamps import RECORD
from tlbench.store.table import compact, read_tables, tables_of, updated


def make_runs(root: Path, runs: int) -> None:
    """Copies of the runs of a small store, an hour old."""
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder), cells=20, seeds=1, tests=20)
        made = RunStore(folder)
        models = [(made.record(key), {n: made.part(key, n) for n in made.part_names(key)}) for key in made.run_keys()]
    store = RunStore(root)
    for number in range(runs):
        record, parts = models[number % len(models)]
        key = key_of(number)
        parts = {name: part for name, part in parts.items() if name != RECORD}
        gains = {rule: {**found, "gains": {}} for rule, found in record["selections"].items()}
        text = {**record, "run_key": key, "seed": number // len(models), "selections": gains, "files": checksums(parts)}
        path = store.packed(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        pack(path, {**parts, RECORD: sealed_record(text).encode()})
        os.utime(path, (time.time() - 3600,) * 2)


def key_of(number: int) -> str:
    """Keys as hashes are, spread over all folders."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def plant(store: RunStore) -> set[Path]:
    """Ten faults, each of its own kind; the files that a check is to name."""
    (store.root / "plans").mkdir(exist_ok=True)
    keys = [store.packed(key_of(number)) for number in range(100, 106)]
    keys[0].write_bytes(keys[0].read_bytes()[:-100])
    keys[1].write_bytes(b"")
    for path, (part, old, new) in zip(keys[2:5], [(TABLE, b"PAR1", b"PAR2"), (CONFIG, b"classes", b"clashes"),
                                                  (RECORD, b'"done"', b'"lost"')], strict=True):  # fmt: skip
        parts = {name: store.part(path.stem, name) for name in store.part_names(path.stem)}
        pack(path, {**parts, part: parts[part].replace(old, new, 1)})
    other = store.packed("ff" + "0" * 14)
    shutil.copy(keys[5], other)
    folder = store.root / "ee" / ("ee" + "0" * 14)
    left = store.root / ".aside" / key_of(7)
    for path in (folder, left):
        path.mkdir(parents=True)
    torn, part = store.root / "plans" / "p.json", keys[5].with_name(".x.part")
    torn.write_text("[")
    part.write_text("")
    return {*keys[:5], other, folder, left, torn, part}


def timed(words: str, work: Callable) -> object:
    started, worked = time.perf_counter(), time.process_time()
    found = work()
    print(f"{words:<60} {time.perf_counter() - started:7.2f} s {time.process_time() - worked:7.2f} s", flush=True)
    return found


def lock_milliseconds(store: RunStore, times: int = 500) -> tuple[float, float]:
    """Clock and processor time of taking and leaving a run's lock and of looking for the run, medians."""
    taken = []
    for number in range(times):
        started, worked = time.perf_counter(), time.process_time()
        with store.lock(key_of(number)):
            store.stamp(key_of(number))
        taken.append((time.perf_counter() - started, time.process_time() - worked))
    clock, work = (statistics.median(column) * 1000 for column in zip(*taken, strict=True))
    return clock, work


def memory_of_reading(root: Path) -> float:
    """MiB at most of a process of its own that reads the tidy table."""
    code = "import sys; from tlbench.store.runs import RunStore; from tlbench.store.table import read_tables; "
    code += "read_tables(RunStore(sys.argv[1])); print(__import__('resource').getrusage(0).ru_maxrss / 1024)"
    said = subprocess.run([sys.executable, "-c", code, str(root)], check=True, capture_output=True, text=True)
    return float(said.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for runs in (options.runs // 100, options.runs):
            store = RunStore(Path(folder) / str(runs))
            make_runs(store.root, runs)
            clock, work = lock_milliseconds(store)
            print(f"{f'a lock beside {runs} runs':<60} {clock:7.3f} ms {work:7.3f} ms", flush=True)
        print(f"{'files and folders a run':<60} {sum(1 for _ in store.root.rglob('*')) / options.runs:7.3f}")
        timed(f"a time and a size of each of {options.runs} runs", store.stamps)
        without = timed("read_tables without an index", lambda: read_tables(store))
        timed("tlbench store compact", lambda: compact(store))
        print(f"{'size of the index':<60} {(store.root / FILE).stat().st_size / 2**20:7.2f} MiB")
        timed("tlbench store compact again", lambda: compact(store))
        indexed = timed("read_tables with the index", lambda: read_tables(store))
        print(f"{'memory of a process that reads it so':<60} {memory_of_reading(store.root):7.0f} MiB")
        for name in ("runs", "checkpoints", "distances"):
            pd.testing.assert_frame_equal(getattr(without, name), getattr(indexed, name))
        for key in store.run_keys()[: options.runs // 100]:
            os.utime(store.packed(key))
        timed("read_tables with the index, 1 % of the runs newer", lambda: read_tables(store))
        index = updated(store, EMPTY)
        timed("a look at a kept index: what has changed", lambda: updated(store, index))
        timed("its tables", lambda: tables_of(index))
        planted = plant(store)
        found = timed("tlbench store check", lambda: {problem.path for problem in check_store(store).problems})
        named = {path for path in planted if any(path in (other, *other.parents) for other in found)}
        print(
            f"{'planted faults that it found, and files that it named':<60} {len(named):7} of {len(planted)}, {len(found)}"
        )


if __name__ == "__main__":
    main()
