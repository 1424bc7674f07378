"""How often the flags of cells are wrong, and how often they are right: simulations with known truth.

    python benchmarks/calibration.py [--trials 4000] [--out results/calibration]

A run answers example i rightly with probability sigmoid(a_i + u_s): a_i, normal, is how easy the example is, u_s, normal, what
the run's seed did. Two draws of one method have seeds of their own and share the examples. `swapped` draws two methods that are
equally good on average and not on single examples (a_i + b_i and a_i - b_i): there, examples are a second source of chance.
Writes false_flags.csv (one cell), families.csv (60 cells, corrected) and power.csv.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binomtest, t

from tlbench.transfer.crossed_gain import Crossed, corrected, crossed, p_above

ALPHA, CELLS = 0.05, 60
SEEDS, TESTS = (3, 5, 10), (100, 500, 1000, 5000)
GAINS = (1, 2, 3, 5, 10)
EASE, SPREAD = 1.0, 2.0
"""Mean and sd of a_i: an accuracy of about 64 %, half of the examples nearly certain."""


@dataclass(frozen=True)
class World:
    """sd of u_s (in logits), sd of b_i, and the shift of the method's logits."""

    name: str
    run: float
    swap: float = 0.0
    shift: float = 0.0


NULLS = (World("steady seeds", 0.02), World("usual seeds", 0.15), World("wild seeds", 0.5), World("swapped", 0.15, 1.5))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def differences(rng: np.random.Generator, world: World, seeds: int, tests: int) -> np.ndarray:
    """(S, N) method right minus reference right, for one cell."""
    ease, swap = rng.normal(EASE, SPREAD, tests), rng.normal(0, world.swap, tests)
    run, reference = rng.normal(0, world.run, (2, seeds, 1))
    right = rng.random((seeds, tests)) < sigmoid(ease + swap + run + world.shift)
    other = rng.random((seeds, tests)) < sigmoid(ease - swap + reference)
    return right.astype(np.float64) - other


def cells(
    rng: np.random.Generator, world: World, seeds: int, tests: int, n: int
) -> Iterator[tuple[np.ndarray, Crossed]]:
    weights = np.full((seeds, tests), 1.0 / tests)
    for _ in range(n):
        found = differences(rng, world, seeds, tests)
        yield found, crossed(found / tests, weights)


def p_values(found: list[Crossed]) -> np.ndarray:
    """Two-sided, as a report has them."""
    return 2 * p_above(found, np.abs([cell.gain for cell in found]))


def others(difference: np.ndarray, rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether a t test over seeds, and a hierarchical percentile bootstrap (seeds, then examples), would have flagged."""
    seeds, tests = difference.shape
    gains = difference.mean(axis=1)
    sd = gains.std(ddof=1)
    by_t = abs(gains.mean()) > t.ppf(1 - ALPHA / 2, seeds - 1) * sd / np.sqrt(seeds) if sd > 0 else gains.mean() != 0
    chosen = rng.integers(0, seeds, (400, seeds))
    drawn = rng.multinomial(tests, np.full(tests, 1 / tests), 400) / tests
    means = np.einsum("rn,rn->r", drawn, difference[chosen].mean(axis=1))
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    return bool(by_t), bool(low > 0 or high < 0)


def false_flags(trials: int) -> pd.DataFrame:
    """How often one cell without any gain is flagged at 5 %."""
    rows = []
    for world, seeds, tests in itertools.product(NULLS, SEEDS, TESTS):
        rng = np.random.default_rng([seeds, tests, NULLS.index(world)])
        found = list(cells(rng, world, seeds, tests, trials))
        flagged = int((p_values([cell for _, cell in found]) < ALPHA).sum())
        few = found[: min(len(found), max(100, 400_000 // tests))]
        by_t, by_bootstrap = np.mean([others(difference, rng) for difference, _ in few], axis=0)
        interval = binomtest(flagged, trials, ALPHA).proportion_ci()
        rows.append(
            {"null": world.name, "seeds": seeds, "test_examples": tests, "trials": trials, "rate": flagged / trials,
             "rate_low": interval.low, "rate_high": interval.high, "t_test_over_seeds": by_t,
             "hierarchical_bootstrap": by_bootstrap, "trials_of_the_two": len(few)}
        )  # fmt: skip
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def families(tables: int) -> pd.DataFrame:
    """How often a report of 60 cells without any gain has a flag at all (Holm and BH; all nulls true)."""
    rows = []
    for world, seeds, tests in itertools.product(NULLS, SEEDS, (100, 1000)):
        rng = np.random.default_rng([7, seeds, tests, NULLS.index(world)])
        p = p_values([cell for _, cell in cells(rng, world, seeds, tests, CELLS * tables)]).reshape(tables, CELLS)
        row = {"null": world.name, "seeds": seeds, "test_examples": tests, "reports": tables}
        for method in ("holm", "bh"):
            hits = sum(bool((corrected(values, method) < ALPHA).any()) for values in p)
            interval = binomtest(hits, tables, ALPHA).proportion_ci()
            row |= {method: hits / tables, f"{method}_low": interval.low, f"{method}_high": interval.high}
        rows.append(row)
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def shift_for(gain: float) -> float:
    """Shift of the method's logits that makes it better by `gain` points on average."""
    ease = np.random.default_rng(0).normal(EASE, SPREAD, 200_000)
    return float(brentq(lambda d: 100 * (sigmoid(ease + d) - sigmoid(ease)).mean() - gain, -9, 9))


def power(trials: int) -> pd.DataFrame:
    """How often a true gain is flagged: alone at 5 %, and in the worst place of a report of 60 cells (5 % / 60)."""
    rows = []
    for world, gain, seeds, tests in itertools.product(NULLS[1:3], GAINS, SEEDS, TESTS):
        rng = np.random.default_rng([11, seeds, tests, gain, NULLS.index(world)])
        true = World(world.name, world.run, shift=shift_for(gain))
        p = p_values([cell for _, cell in cells(rng, true, seeds, tests, trials)])
        rows.append(
            {"seeds_are": world.name, "gain": gain, "seeds": seeds, "test_examples": tests, "trials": trials,
             "alone": (p < ALPHA).mean(), "among_60": (p < ALPHA / CELLS).mean()}
        )  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    started = time.perf_counter()
    tables = {
        "false_flags": false_flags(options.trials),
        "families": families(options.trials // 8),
        "power": power(options.trials // 4),
    }
    for name, table in tables.items():
        print(f"\n{name}\n{table.round(4).to_string(index=False)}")
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            table.round(4).to_csv(options.out / f"{name}.csv", index=False)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
