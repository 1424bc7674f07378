"""`read_tables` of a store of 10,000 runs: seconds without and with the index of `tlbench store compact`; and locks.

    python benchmarks/store.py [--runs 10000] [--locks 100000]

Records as a real run leaves them, of ten selections and five checkpoints, copied under other keys; no predictions. The last lines
are a second look by a program that keeps its index, as a dashboard does. Seconds of the clock, and of the processor alone.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from report import make_store

from tlbench.store.index import EMPTY, FILE
from tlbench.store.records import sealed_record
from tlbench.store.runs import RunStore
from tlbench.store.table import compact, read_tables, tables_of, updated


def make_records(root: Path, runs: int) -> None:
    """Copies of the records of a small store, an hour old."""
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder), cells=20, seeds=1, tests=20)
        records = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*/record.json"))]
    for number in range(runs):
        record = {**records[number % len(records)], "run_key": f"{number:016x}", "seed": number // len(records)}
        path = root / record["run_key"] / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(sealed_record(record))
        os.utime(path, (time.time() - 3600,) * 2)


def timed(words: str, work: Callable) -> object:
    started, worked = time.perf_counter(), time.process_time()
    found = work()
    print(f"{words:<60} {time.perf_counter() - started:7.2f} s {time.process_time() - worked:7.2f} s", flush=True)
    return found


def lock_milliseconds(folder: Path, runs: int, times: int = 500) -> tuple[float, float]:
    """Clock and processor time of taking and leaving a run's lock, beside so many folders of runs."""
    store = RunStore(folder / str(runs))
    for number in range(runs):
        (store.root / f"{number:016x}").mkdir(parents=True)
    started, worked = time.perf_counter(), time.process_time()
    for number in range(times):
        with store.lock(f"{number:016x}"):
            pass
    return (time.perf_counter() - started) / times * 1000, (time.process_time() - worked) / times * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--locks", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for runs in (options.locks // 100, options.locks):
            clock, work = lock_milliseconds(Path(folder), runs)
            print(f"{f'a lock beside {runs} runs':<60} {clock:7.3f} ms {work:7.3f} ms", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(folder)
        make_records(store.root, options.runs)
        timed(f"a time and a size of each of {options.runs} runs", store.stamps)
        without = timed("read_tables without an index", lambda: read_tables(store))
        timed("tlbench store compact", lambda: compact(store))
        print(f"{'size of the index':<60} {(store.root / FILE).stat().st_size / 2**20:7.2f} MiB")
        timed("tlbench store compact again", lambda: compact(store))
        indexed = timed("read_tables with the index", lambda: read_tables(store))
        for name in ("runs", "checkpoints", "distances"):
            pd.testing.assert_frame_equal(getattr(without, name), getattr(indexed, name))
        for key in store.run_keys()[: options.runs // 100]:
            os.utime(store.root / key / "record.json")
        timed("read_tables with the index, 1 % of the runs newer", lambda: read_tables(store))
        index = updated(store, EMPTY)
        timed("a look at a kept index: what has changed", lambda: updated(store, index))
        timed("its tables", lambda: tables_of(index))


if __name__ == "__main__":
    main()
