"""The dashboard over 100,000 runs: seconds for each interaction, without the browser.

    python benchmarks/dashboard.py [--runs 100000]

The tidy table is made up (two selections a run, a hundredth of the runs failed) and given to the app in place of what it
would read from the store: this times filters, tables and what is drawn, not `read_tables`. Aim: under 2 s for an interaction.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

import tlbench.dashboard.data as data
from tlbench.dashboard.command import STORE, TOKEN
from tlbench.store.record_rows import tidy
from tlbench.store.table import Tables

PAIRS, METHODS, SEEDS = 20, 20, 10
APP = Path(data.__file__).with_name("app.py")


def table(runs: int) -> pd.DataFrame:
    """Rows of a store of so many runs: data sets of 20 pairs, 20 methods and 10 seeds."""
    rng, i = np.random.default_rng(0), np.arange(runs)
    seed, method, pair = i % SEEDS, i // SEEDS % METHODS, i // (SEEDS * METHODS) % PAIRS
    dataset, failed = i // (SEEDS * METHODS * PAIRS), rng.random(runs) < 0.01
    gain = np.where((method == 0) | failed, np.nan, rng.normal(0, 3, runs).round(2))
    one = pd.DataFrame(
        {"run_key": [f"{n:016x}" for n in i], "recipe_key": "r", "cell_key": [f"{n:016x}" for n in i // SEEDS],
         "status": np.where(failed, "failed", "done"), "reason": np.where(failed, "Diverged", None),
         "dataset": [f"d{n}" for n in dataset], "pair": [f"s{n}-t{n}" for n in pair], "protocol": "inductive",
         "backbone": "lenet", "classifier": "head", "method": [f"m{n}" for n in method], "family": "feature",
         "metric": "accuracy", "seed": seed, "score": np.where(failed, np.nan, rng.random(runs).round(4)), "gain": gain,
         "gain_flag": np.where(np.isnan(gain), None, np.where(gain < -4, "negative", "inconclusive")), "step": 300,
         "alpha": 0.05, "margin": 1.0, "uses_target_labels": False}
    )  # fmt: skip
    rules = [
        one.assign(selection="last"),
        one[one["status"] == "done"].assign(selection="oracle", uses_target_labels=True),
    ]
    return tidy(pd.concat(rules, ignore_index=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    runs = table(parser.parse_args().runs)
    empty = pd.DataFrame(columns=["run_key", "step", "oracle_score"])
    data.read_tables = lambda store: Tables(runs, empty, pd.DataFrame(columns=["run_key", "features"]), empty, 0)  # type: ignore
    with tempfile.TemporaryDirectory() as folder:
        os.environ[STORE], os.environ[TOKEN] = folder, ""
        page = AppTest.from_file(str(APP), default_timeout=600)
        timed("open", page.run)
        timed("open again", page.run)
        timed("data set", lambda: page.multiselect(key="dataset").set_value(["d1"]).run())
        timed("method", lambda: page.multiselect(key="method").set_value(["m1", "m2"]).run())
        timed("clear", lambda: next(b for b in page.button if b.label == "Clear filters").click().run())
        timed("status", lambda: page.multiselect(key="status").set_value(["failed"]).run())
        timed("selection", lambda: page.selectbox(key="selection").set_value("oracle").run())
        timed("cells", lambda: page.segmented_control(key="view").set_value("cells").run())


def timed(name: str, act: Callable[[], AppTest]) -> None:
    started = time.perf_counter()
    assert not act().exception
    print(f"{name:12} {time.perf_counter() - started:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
