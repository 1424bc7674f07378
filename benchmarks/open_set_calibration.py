"""How often flags of HOS gains are wrong, and how often their intervals hold the truth: simulations with known truth.

    python benchmarks/open_set_calibration.py [--of cell run] [--trials 300] [--out results/calibration]

Test examples of 5 known classes (a tenth each) and of the unknown one (a half), or of 20 known ones and few unknown
examples. A run is right on example i with probability sigmoid(a_i + d_c + u_s): a_i, normal, is how easy the example is, d_c
moves known or unknown examples, u_s, normal, is what the seed did. `equal`: method and reference have one law, so no gain is
true. `traded`: the method is better on the unknown class and as much worse on the known ones as leaves HOS where it is.
`better`: it is better on the unknown class. The true HOS are worked out by quadrature. `cell`: three or five seeds, judged
as a report judges them. `run`: one run with its own interval; what is said of it is of these two models, so there u_s
is 0. Writes open_set_cell.csv and open_set_run.csv.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binomtest

from tlbench.findings.differences import Tested, cell_differences
from tlbench.metrics import Metric, metric_named
from tlbench.transfer.crossed_gain import half_width, p_above
from tlbench.transfer.statistic_gain import paired_statistic

ALPHA, EASE, SPREAD, SEED_SD = 0.05, 1.0, 2.0, 0.15
"""Level; mean and sd of a_i; sd of u_s."""
SHARES = {"5 known": [0.1] * 5 + [0.5], "20 known, few unknown": [0.0475] * 20 + [0.05]}
TESTS, KINDS = (200, 1000), (("cell", 3), ("cell", 5), ("run", 1))
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(101)


@dataclass(frozen=True)
class World:
    """Shifts of the method's logits on known and unknown examples; the reference has none."""

    name: str
    known: float
    unknown: float


def recall(shift: float, seed_sd: float) -> float:
    """Mean probability of a right answer, over examples and seeds."""
    logits = EASE + shift + np.hypot(SPREAD, seed_sd) * NODES
    return float((NODE_WEIGHTS / (1 + np.exp(-logits))).sum() / NODE_WEIGHTS.sum())


def harmonic(known: float, unknown: float, seed_sd: float) -> float:
    a, b = recall(known, seed_sd), recall(unknown, seed_sd)
    return 2 * a * b / (a + b)


def worlds(seed_sd: float) -> list[World]:
    """The known classes lose what keeps HOS where it is when the unknown one wins a logit."""
    level = harmonic(0, 0, seed_sd)
    traded = brentq(lambda shift: harmonic(shift, 1.0, seed_sd) - level, -5, 0)
    return [World("equal", 0, 0), World("traded", float(traded), 1.0), World("better", 0, 0.7)]


def drawn(rng: np.random.Generator, world: World, labels_N: np.ndarray, seeds: int, sd: float) -> list[np.ndarray]:
    """Return (S, N) right answers of the method, and of the reference."""
    unknown_N = labels_N == labels_N.max()
    ease_N, seeds_2S1 = rng.normal(EASE, SPREAD, len(labels_N)), rng.normal(0, sd, (2, seeds, 1))
    shift_N = np.where(unknown_N, world.unknown, world.known)
    chances = (1 / (1 + np.exp(-(ease_N + shift + u_S1))) for shift, u_S1 in zip((shift_N, 0), seeds_2S1, strict=True))
    return [rng.random((seeds, len(labels_N))) < chance_SN for chance_SN in chances]


def of_cell(metric: Metric, labels_N: np.ndarray, own_SN: np.ndarray, other_SN: np.ndarray) -> tuple[float, ...]:
    """Return gain, low, high and p of a cell."""
    rows = np.arange(len(labels_N))
    tests = [[Tested(rows, rows, labels_N, right) for right in pair] for pair in zip(own_SN, other_SN, strict=True)]
    whole = cell_differences([(a, b) for a, b in tests], metric, per_class=False).whole
    half, p = half_width([whole], ALPHA)[0], 2 * p_above([whole], np.array([abs(whole.gain)]))[0]
    return whole.gain, whole.gain - half, whole.gain + half, p


def of_run(metric: Metric, labels_N: np.ndarray, own_SN: np.ndarray, other_SN: np.ndarray) -> tuple[float, ...]:
    """Return gain, low, high and p of a run."""
    run = paired_statistic(
        metric.values, metric.slopes, labels_N, own_SN[0], other_SN[0], np.arange(len(labels_N)), alpha=ALPHA
    )
    return run.gain, run.low, run.high, run.p


def simulated(of: str, trials: int) -> pd.DataFrame:
    """Return one row a number of seeds, world, kind of test part and size."""
    rows = []
    kinds = [(kind, seeds) for kind, seeds in KINDS if kind == of]
    for (kind, seeds), (classes, shares), tests in itertools.product(kinds, SHARES.items(), TESTS):
        judged, sd = (of_run, 0.0) if kind == "run" else (of_cell, SEED_SD)
        labels_N = np.repeat(np.arange(len(shares)), np.round(np.array(shares) * tests).astype(int))
        metric = metric_named("hos", len(shares) - 1)
        for number, world in enumerate(worlds(sd)):
            rng = np.random.default_rng([len(shares), tests, seeds, number])
            truth = 100 * (harmonic(world.known, world.unknown, sd) - harmonic(0, 0, sd))
            found = [judged(metric, labels_N, *drawn(rng, world, labels_N, seeds, sd)) for _ in range(trials)]
            gain, low, high, p = np.array(found).T
            held = (low <= truth) & (truth <= high)
            rows.append(_row(kind, world.name, classes, len(labels_N), seeds, truth, gain, held, p < ALPHA))
            print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def _row(kind: str, world: str, classes: str, tests: int, seeds: int, truth: float, gain: np.ndarray, held: np.ndarray,
         flagged: np.ndarray) -> dict[str, object]:  # fmt: skip
    row = {
        "gain_of": kind,
        "truth": world,
        "classes": classes,
        "test_examples": tests,
        "seeds": seeds if kind == "cell" else 1,
    }
    row |= {"trials": len(gain), "true_gain": truth, "mean_gain": gain.mean()}
    for name, hits in (("flagged", int(flagged.sum())), ("covered", int(held.sum()))):
        interval = binomtest(hits, len(gain)).proportion_ci()
        row |= {name: hits / len(gain), f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--of", nargs="+", choices=("cell", "run"), default=("cell", "run"))
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--out", type=Path, default=None)
    options, started = parser.parse_args(), time.perf_counter()
    for of in options.of:
        table = simulated(of, options.trials).round(4)
        print(f"\n{table.to_string(index=False)}")
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            table.to_csv(options.out / f"open_set_{of}.csv", index=False)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
