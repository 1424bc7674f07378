"""Runs an hour of head runs on fixed features: trained as one program, and in a process a core.

    python benchmarks/stacked.py [--heads linear mlp] [--sizes 8 32 64] [--out table.csv]
    python benchmarks/stacked.py --gpu [--seeds 20]

Made features of three domains (512 wide, 10 classes, 600 rows each); `mcc` in the six pairs, seed after seed, as `ensure_all`
does them: data, training, validators, distances and records included, references done beforehand. The two ways take turns, and
each turn gives a ratio: other work on the machine slows both. CPU seconds are of all processes. With `--gpu` the alone ones are
in one process, as one GPU has it, and the program takes all of `12 pairs x --seeds`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.io

HEADS = {"linear": 0, "bottleneck": 64, "mlp": 256}
"""Width of the bottleneck."""
TEXT = """\
_target_: tlbench.data.files.FileDataset
short: {short}
counts: {counts}
classes: {classes}
input_shape: [{width}]
reader: {{_target_: tlbench.data.readers.read_mat, _partial_: true, inputs: fts, labels: labels}}
files: {files}
transforms: []
about: {{homepage: none}}
recipe:
  common: [protocol=inductive]
  reference: gradient
  gradient: [backbone=identity, classifier=head]
  estimator: [backbone=identity, classifier=linear_svm]
"""


def write_features(root: Path, domains: int, rows: int, width: int, classes: int = 10) -> None:
    """Lay a made data set and its config under a folder."""
    names = [f"d{i}" for i in range(domains)]
    (root / "conf" / "dataset").mkdir(parents=True)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(classes, width))
    for name in names:
        labels = rng.integers(0, classes, rows)
        inputs = np.maximum(centres[labels] + 2 * rng.normal(size=(rows, width)) + 0.5 * rng.normal(size=width), 0)
        scipy.io.savemat(root / f"{name}.mat", {"fts": inputs, "labels": labels[:, None] + 1})
    values = {
        "short": {name: name.upper() for name in names},
        "counts": dict.fromkeys(names, rows),
        "classes": [f"c{i}" for i in range(classes)],
        "files": {name: {"path": f"{name}.mat"} for name in names},
    }
    (root / "conf" / "dataset" / "made.yaml").write_text(TEXT.format(width=width, **values))


def configs(root: Path, head: str, options: argparse.Namespace, stack: str) -> Iterator[object]:
    """Give settled configs of runs, pair after pair and seed after seed."""
    from tlbench.sweeping.driver import sweeper

    names = [f"D{i}" for i in range(options.domains)]
    words = ["dataset=made", "pair=D0-D1", f"method={options.method}", f"classifier.bottleneck={HEADS[head]}",
             f"optim.steps={options.steps}", f"trainer={'gpu' if options.gpu else 'cpu'}", f"trainer.stack={stack}",
             f"validators={options.looks}", f"distances={options.looks}"]  # fmt: skip
    with sweeper(["hydra.sweeper.quiet=true"], str(root / "conf")) as machine:
        (config,) = [job.config for job in machine.plan(words) if job.asked]
    full = {short: f"d{i}" for i, short in enumerate(names)}
    for seed, (one, other) in product(range(10**6), permutations(names, 2)):
        yield config.model_copy(update={"pair": f"{full[one]}-{full[other]}", "seed": seed})


class Here:
    """A pool of this process alone."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], chunksize: int = 1) -> list[Any]:
        return [function(item) for item in items]


def do(batch: Sequence[object]) -> None:
    from tlbench.running.ensure import ensure_all
    from tlbench.running.setup import Setup

    assert set(ensure_all([Setup.of(config) for config in batch])) <= {"done"}  # type: ignore[arg-type]


def seconds_of(pool: object, batches: Sequence[Sequence[object]]) -> tuple[float, float]:
    """Wall seconds and CPU seconds of batches, each in the next process that is free."""
    before = time.perf_counter()
    spent = sum(pool.map(timed, batches, chunksize=1))  # type: ignore[attr-defined]
    return time.perf_counter() - before, spent


def timed(batch: Sequence[object]) -> float:
    before = cpu_seconds()
    do(batch)
    return cpu_seconds() - before


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(root: Path, head: str, k: int, options: argparse.Namespace, pool: object) -> list[dict[str, object]]:
    """Compare k runs of a program with as many alone, turn by turn."""
    found, processes = [], 1 if options.gpu else options.processes
    n = k * processes
    warm = [list(islice(configs(root, head, options, stack), 2)) for stack in ("off", "2")]
    for batch in warm:  # imports, and what is kept of the data; in a store of their own
        store = tempfile.mkdtemp(dir=root)
        pool.map(
            do, [[c.model_copy(update={"store": f"{store}/{i}"}) for c in batch] for i in range(processes)], chunksize=1
        )  # type: ignore[attr-defined]
    for turn in range(options.turns):
        row: dict[str, object] = {"head": head, "k": k, "turn": turn}
        for way in ("alone", "stacked") if turn % 2 else ("stacked", "alone"):
            stack = str(k) if way == "stacked" else "off"
            store = tempfile.mkdtemp(dir=root)
            runs = [c.model_copy(update={"store": store}) for c in islice(configs(root, head, options, stack), n)]  # type: ignore[attr-defined]
            references = [c.as_reference(name) for c in runs for name in c.reference_names]
            pool.map(do, [references[i::processes] for i in range(processes)], chunksize=1)  # type: ignore[attr-defined]
            batches = [runs[i : i + k] for i in range(0, n, k)] if way == "stacked" else [[run] for run in runs]
            wall, cpu = seconds_of(pool, batches)
            row |= {f"{way}, runs an hour": 3600 * n / wall, f"{way}, CPU s a run": cpu / n}
        row["ratio, wall"] = row["stacked, runs an hour"] / row["alone, runs an hour"]  # type: ignore[operator]
        row["ratio, CPU"] = row["alone, CPU s a run"] / row["stacked, CPU s a run"]  # type: ignore[operator]
        found.append(row)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS))
    parser.add_argument("--sizes", nargs="+", type=int, default=[1, 8, 16, 32, 64])
    parser.add_argument("--method", default="mcc")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--looks", type=int, default=500, help="examples for validators and distances; 0 for neither")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--seeds", type=int, default=20, help="with --gpu")
    parser.add_argument("--out", help="csv file")
    options = parser.parse_args()
    options.domains = 4 if options.gpu else 3
    if options.gpu:
        options.sizes = [12 * options.seeds]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_features(root, options.domains, options.rows, options.width)
        os.environ["TLBENCH_DATA"] = folder
        spawning = multiprocessing.get_context("spawn")
        alone = options.gpu or options.processes == 1
        with nullcontext(Here()) if alone else spawning.Pool(options.processes) as pool:
            table = pd.DataFrame(
                row for head in options.heads for k in options.sizes for row in measured(root, head, k, options, pool)
            )
    print(table.groupby(["head", "k"], sort=False).median(numeric_only=True).drop(columns="turn").round(3).to_string())
    if options.out:
        table.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
