"""Flags fire by mistake as often as they say, by simulation; `make bench` does the same at length."""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.calibration import ALPHA, CELLS, NULLS, World, cells, corrected, differences, p_values, shift_for
from tlbench.transfer.crossed_gain import p_above
from tlbench.transfer.gain import paired_gain

TRIALS = 1000


def flagged(world, seeds, tests, trials=TRIALS):
    rng = np.random.default_rng([1, seeds, tests])
    return int((p_values([cell for _, cell in cells(rng, world, seeds, tests, trials)]) < ALPHA).sum())


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("tests", [100, 5000])
def test_two_draws_of_one_method_are_flagged_as_often_as_stated(seeds, tests):
    hits = flagged(World("usual", 0.15), seeds, tests)
    assert binom.ppf(0.001, TRIALS, 0.035) <= hits <= binom.ppf(0.999, TRIALS, ALPHA)


@pytest.mark.parametrize("world", NULLS, ids=[world.name for world in NULLS])
def test_no_kind_of_chance_raises_the_rate(world):
    for seeds in (3, 10):
        assert flagged(world, seeds, 300) <= binom.ppf(0.999, TRIALS, ALPHA)


def test_a_t_test_over_seeds_alone_is_fooled_by_examples_on_which_methods_differ():
    """Why examples must be random too: where two equally good methods are right on different examples."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(400):
        gains = differences(rng, World("swapped", 0.05, 1.5), 10, 100).mean(axis=1)
        hits += abs(gains.mean()) > 2.262 * gains.std(ddof=1) / np.sqrt(10)
    assert hits > 2 * binom.ppf(0.999, 400, ALPHA)


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_a_report_of_sixty_cells_without_gains_rarely_has_a_flag(method):
    reports, hits = 120, 0
    rng = np.random.default_rng(5)
    for n_seeds in (3, 10):
        p = p_values([c for _, c in cells(rng, World("usual", 0.15), n_seeds, 100, CELLS * reports // 2)])
        hits += sum(bool((corrected(row, method) < ALPHA).any()) for row in p.reshape(-1, CELLS))
    assert hits <= binom.ppf(0.999, reports, ALPHA)
    assert (p < ALPHA).sum() > 50  # without a correction most of these reports would have one


def test_a_gain_as_large_as_the_margin_is_rarely_called_no_effect():
    world, hits = World("usual", 0.15, shift=shift_for(3.0)), 0
    found = [cell for _, cell in cells(np.random.default_rng(3), world, 5, 1000, TRIALS)]
    inside = np.array([max(3.0 - abs(cell.gain), 0) for cell in found])
    hits = int((p_above(found, inside) < ALPHA).sum())
    assert 0 < hits <= binom.ppf(0.999, TRIALS, ALPHA)


def test_real_gains_are_found_and_more_seeds_find_more():
    def power(gain, seeds, tests):
        return flagged(World("usual", 0.15, shift=shift_for(gain)), seeds, tests, 200) / 200

    assert power(10, 5, 1000) > 0.95
    assert power(3, 3, 1000) + 0.15 < power(3, 10, 1000)
    assert power(3, 5, 100) + 0.15 < power(3, 5, 5000)


def test_one_run_against_another_draw_of_its_method_is_flagged_as_often_as_stated():
    """Given the two runs, the examples decide: no run-level effect beside them."""
    rng, hits = np.random.default_rng(2), 0
    for seed in range(400):
        easy = 1 / (1 + np.exp(-rng.normal(1, 2, 200)))
        right, other = rng.random((2, 200)) < easy
        hits += paired_gain(right, other, np.arange(200), alpha=ALPHA, seed=seed).flag != "inconclusive"
    assert hits <= binom.ppf(0.999, 400, ALPHA)
