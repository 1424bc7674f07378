"""`tlbench report` on a store of 10,000 runs under 10 selections: seconds, of the clock and of processors, and memory.

    python benchmarks/report.py [--cells 1000] [--seeds 10] [--tests 500]

100,000 rows: 1,000 cells of 10 seeds and 10 selections, made up, with everything that a real run leaves, and the index that a
sweep leaves. Aim: under 20 s of the clock, on two cores, and 2 GB.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tlbench.store.reading import HISTORY, PREDICTIONS
from tlbench.store.records import SCHEMA
from tlbench.store.runs import RunStore
from tlbench.store.table import compact
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES

RULES = ["last", "source_val", "iwv", "dev", "entropy", "im", "bnm", "snd", "mixval", "oracle"]
NAMES = [*MARGINAL_NAMES, *ORACLE_NAMES]
STEPS, CLASSES, METHODS = (100, 200, 300, 400, 500), 10, 20


def make_store(root: Path, cells: int, seeds: int, tests: int) -> None:
    """Data sets of ten pairs and twenty methods; method 0 is the reference of the others."""
    rng, store = np.random.default_rng(0), RunStore(root)
    labels = np.arange(tests) % CLASSES
    for number in range(cells):
        for seed in range(seeds):
            write(store, Place(number // (10 * METHODS), number // METHODS % 10, number % METHODS, seed), labels, rng)
    compact(store)


class Place(NamedTuple):
    dataset: int
    pair: int
    method: int
    seed: int

    @property
    def key(self) -> str:
        """As a run's key is: a hash, so that runs lie in all folders."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:16]


def write(store: RunStore, place: Place, labels: np.ndarray, rng: np.random.Generator) -> None:
    n, method = len(labels), place.method
    right = rng.random((len(STEPS), n)) < 0.6 + 0.01 * (method % 5)
    predicted = np.where(right, labels, (labels + 1) % CLASSES)
    rows = np.arange(n)
    table = pd.concat(
        [
            pd.DataFrame({"step": step, "row": rows, "id": [f"t/{i}" for i in rows], "group": rows, "label": labels,
                          "prediction": predicted[i], "confidence": np.float32(0.5)})
            for i, step in enumerate(STEPS)
        ]
    )  # fmt: skip
    terms = pd.DataFrame({"step": range(200), "name": "classification", "value": rng.random(200)})
    picks = {rule: int(rng.integers(len(STEPS))) for rule in RULES}
    name = "source_only" if method == 0 else f"method_{method}"
    reference = place._replace(method=0).key
    other = store.record(reference) if method else None
    recipe = hashlib.sha256(str(place[:2] + place[3:]).encode()).hexdigest()[:16]
    cell = hashlib.sha256(str(place[:3]).encode()).hexdigest()[:16]

    def found(rule: str) -> dict:
        accuracy = float(right[picks[rule]].mean())
        gains = {}
        if other is not None:
            theirs = other["selections"][rule]
            gain = 100 * (accuracy - theirs["metrics"]["accuracy"])
            gains["source_only"] = {
                "gain": gain, "low": gain - 2, "high": gain + 2, "p": 0.2, "flag": "inconclusive", "n": n, "n_groups": n,
                "run_key": reference, "reference_step": theirs["step"], "reference_score": 0.6,
            }  # fmt: skip
        metrics = {"accuracy": accuracy, "mean_class_accuracy": accuracy, "macro_f1": accuracy, "ece": 0.1}
        return {"step": STEPS[picks[rule]], "oracle": rule == "oracle", "metrics": metrics, "gains": gains}

    per_step = {"per_class_accuracy": [0.6] * CLASSES, "confusion": [[5] * CLASSES] * CLASSES}
    record = {
        "schema": SCHEMA, "run_key": place.key, "recipe_key": recipe, "cell_key": cell, "status": "done", "reason": None,
        "dataset": f"d{place.dataset}", "pair": f"s{place.pair}-t{place.pair}", "protocol": "transductive",
        "metric": "accuracy", "backbone": "b", "classifier": "c", "method": name,
        "family": "feature" if method else "reference", "oracle": False, "seed": place.seed, "selection": "last",
        "alpha": 0.05, "margin": 1.0,
        "reference": "source_only" if method else None, "selections": {rule: found(rule) for rule in RULES},
        "per_step": {str(step): per_step for step in STEPS}, "created": "2026-01-01", "code": {}, "versions": {},
        "checkpoints": [{"step": step, "oracle_score": float(right[i].mean()), "scores": {r: rng.random() for r in RULES[1:-1]}}
                        for i, step in enumerate(STEPS)],
        "distances": {kind: {name: rng.random() for name in NAMES} for kind in (["trained"] if method else ["raw", "trained"])},
        "sizes": {"source": 900, "target_unlabelled": n, "shots": 0, "target_test": n}, "costs": {"seconds": 1.0},
    }  # fmt: skip
    config = {"dataset": {"name": f"d{place.dataset}", "classes": CLASSES}, "protocol": {"shots": 0}}
    with store.lock(place.key):
        store.write(record, config, table[PREDICTIONS], terms[HISTORY])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("cells", 1000), ("seeds", 10), ("tests", 500)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_store(Path(folder) / "store", options.cells, options.seeds, options.tests)
        started = time.perf_counter()
        command = [sys.executable, "-m", "tlbench", "report", "--store", f"{folder}/store", "--out", f"{folder}/out"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        size = (Path(folder) / "out" / "report.html").stat().st_size
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = options.cells * options.seeds * len(RULES)
    cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(f"{rows} rows: {seconds:.1f} s, {cpu:.1f} s of processors, {memory:.0f} MiB, page of {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
