"""Every shallow method that tlbench shares with SKADA or ADAPT, seconds side by side, with equal results or the reason why not.

    TLBENCH_DATA=... python -m benchmarks.peers [--turns 3] [--only kmm ...] [--out results/performance]

One process, one thread, sides in turns, at the size of Office-Caltech10 (1,123 source and 958 target examples, 800 features):
made examples and, where the data are there, SURF caltech10-amazon. Each side gets the same features, and settings that pose the
same problem; a row says what is compared, how far apart it is and why. `kept_s` is tlbench's second run on the same task, as the
runs of a sweep have it. MEDA and JGSA, which neither peer has, are timed alone (aim: 10 s). Networks are not here: their
time is the network's, and `benchmarks/training_step.py` says what the harness adds.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

try:
    from benchmarks.peers.adapt_alone import import_adapt

    import_adapt()
    from benchmarks.peers import maps, predictions, weights
except ImportError as error:
    sys.exit(f"This benchmark compares with SKADA and ADAPT; `make bench` installs both. {error}")

from baselines.jgsa import Jgsa
from baselines.meda import Meda
from benchmarks.estimators import made, office, seconds
from benchmarks.peers.case import BASE, Case, row, shuffled
from tlbench.classifiers.closed_forms import KernelRidge
from tlbench.classifiers.estimators import NearestNeighbour
from tlbench.tasks import Task

AIM, MOST_SECONDS = 3.0, 10.0
N_SOURCE, N_TARGET = 1123, 958


Draw = Callable[[int], Task]


def problems(n_source: int, n_target: int) -> Iterator[tuple[str, Draw, Draw]]:
    """Name and tasks: with the whole target, and with three shots a class, which leave SURF's."""
    yield f"made, {n_source} to {n_target}", made_of(n_source, n_target), made_of(n_source, n_target)
    if "TLBENCH_DATA" in os.environ and n_source == N_SOURCE:
        yield "SURF caltech10-amazon", office("C-A", 0, "transductive"), office("C-A", 3, "transductive")


def made_of(n_source: int, n_target: int) -> Draw:
    return lambda seed: made(seed, n_source, n_target)


def all_cases() -> list[Case]:
    return [*maps.cases(), *weights.cases(), *predictions.cases()]


def alone(name: str, data: str, draw: Draw, turns: int) -> dict[str, Any]:
    """Seconds of a method that no peer has, on the whole of both domains."""
    methods = {
        "meda": lambda: Meda(dim=20, mu="estimated", match=10.0, rho=1.0, neighbours=10, rounds=10,
                             classifier=KernelRidge(**BASE, ridge=0.1, gamma=0.5)),
        "jgsa": lambda: Jgsa(dim=30, alpha=1.0, beta=0.1, mu=1.0, rounds=10, classifier=NearestNeighbour(**BASE)),
    }  # fmt: skip
    times = []
    for _ in range(turns):
        task = shuffled(draw(0))
        times.append(seconds(lambda task: methods[name]().fit(task).predict_proba(task.target), task)[0])
    return {
        "method": name,
        "data": data,
        "tlbench_s": np.median(times),
        "reason": f"no peer has it; aim: {MOST_SECONDS:g} s",
    }


def rows(turns: int, only: tuple[str, ...], n_source: int, n_target: int) -> Iterator[dict[str, Any]]:
    for data, whole, with_shots in problems(n_source, n_target):
        for case in all_cases():
            if case.method.startswith(only):
                yield row(case, data, with_shots if case.shots else whole, turns)
        for name in ("meda", "jgsa"):
            if name.startswith(only):
                yield alone(name, data, whole, turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[""], help="methods whose names begin so")
    parser.add_argument(
        "--examples", nargs=2, type=int, default=[N_SOURCE, N_TARGET], help="of source and target, made"
    )
    parser.add_argument("--out", type=Path)
    given, found = parser.parse_args(), []
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        for said in rows(given.turns, tuple(given.only), *given.examples):
            found.append(said)
            print(*(f"{k} {v:.3g}" if isinstance(v, float) else v for k, v in said.items()), sep=" | ", flush=True)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(found).to_csv(given.out / "peers.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
