"""`tlbench report` on a store of 10,000 runs under 10 selections: seconds and memory.

    python benchmarks/report.py [--cells 1000] [--seeds 10] [--tests 500]

100,000 rows: 1,000 cells of 10 seeds and 10 selections, made up, with everything that a real run leaves. Aim: under 20 s and
2 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tlbench.store.reading import HISTORY, PREDICTIONS
from tlbench.store.records import SCHEMA, sealed_record
from tlbench.transfer.pair import MARGINAL_NAMES, ORACLE_NAMES

RULES = ["last", "source_val", "iwv", "dev", "entropy", "im", "bnm", "snd", "mixval", "oracle"]
NAMES = [*MARGINAL_NAMES, *ORACLE_NAMES]
STEPS, CLASSES, METHODS = (100, 200, 300, 400, 500), 10, 20


def make_store(root: Path, cells: int, seeds: int, tests: int) -> None:
    """Data sets of ten pairs and twenty methods; method 0 is the reference of the others."""
    rng = np.random.default_rng(0)
    labels = np.arange(tests) % CLASSES
    for number in range(cells):
        dataset, pair, method = number // (10 * METHODS), number // METHODS % 10, number % METHODS
        for seed in range(seeds):
            write(
                root,
                f"{dataset:04x}{pair:04x}{method:04x}{seed:04x}",
                f"d{dataset}",
                f"s{pair}-t{pair}",
                method,
                seed,
                labels,
                rng,
            )


def write(
    root: Path, key: str, dataset: str, pair: str, method: int, seed: int, labels: np.ndarray, rng: np.random.Generator
) -> None:
    folder, n = root / key, len(labels)
    folder.mkdir(parents=True)
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
    table[PREDICTIONS].to_parquet(folder / "predictions.parquet", index=False)
    terms = pd.DataFrame({"step": range(200), "name": "classification", "value": rng.random(200)})
    terms[HISTORY].to_parquet(folder / "history.parquet", index=False)
    picks = {rule: int(rng.integers(len(STEPS))) for rule in RULES}
    name = "source_only" if method == 0 else f"method_{method}"
    reference = key[:8] + "0000" + key[12:]
    other = json.loads((root / reference / "record.json").read_text()) if method else None

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
        "schema": SCHEMA, "run_key": key, "recipe_key": key[:8], "cell_key": key[:12], "status": "done", "reason": None,
        "dataset": dataset, "pair": pair, "protocol": "transductive", "metric": "accuracy", "backbone": "b", "classifier": "c",
        "method": name, "family": "feature" if method else "reference", "oracle": False, "seed": seed, "selection": "last",
        "alpha": 0.05,
        "margin": 1.0,
        "reference": "source_only" if method else None, "selections": {rule: found(rule) for rule in RULES},
        "per_step": {str(step): per_step for step in STEPS}, "created": "2026-01-01", "code": {}, "versions": {},
        "checkpoints": [{"step": step, "oracle_score": float(right[i].mean()), "scores": {r: rng.random() for r in RULES[1:-1]}}
                        for i, step in enumerate(STEPS)],
        "distances": {kind: {name: rng.random() for name in NAMES} for kind in (["trained"] if method else ["raw", "trained"])},
        "sizes": {"source": 900, "target_unlabelled": n, "shots": 0, "target_test": n}, "costs": {"seconds": 1.0},
    }  # fmt: skip
    (folder / "record.json").write_text(sealed_record(record))
    (folder / "config.yaml").write_text(
        json.dumps({"dataset": {"name": dataset, "classes": CLASSES}, "protocol": {"shots": 0}})
    )


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
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    rows = options.cells * options.seeds * len(RULES)
    print(f"{rows} rows: {seconds:.1f} s, {memory:.0f} MiB, page of {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
