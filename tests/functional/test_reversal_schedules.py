"""Schedules of the reversal's strength, each against its toolkit's formula, written again."""

import math

import pytest

from tlbench.functional.adversarial import constant_strength, early_strength, over_the_run, strength_by_iterations


def test_over_the_run_the_papers_formula_holds_whatever_the_number_of_steps():
    for steps in (1, 300, 20_000):
        assert over_the_run(0.25, steps, 10) == pytest.approx(2 / (1 + math.exp(-2.5)) - 1)
        assert over_the_run(0.25, steps, 4) == pytest.approx(2 / (1 + math.exp(-1)) - 1)


def test_constant_is_one():
    assert [constant_strength(p, s, 10) for p, s in ((0.0, 1), (0.5, 300), (1.0, 20_000))] == [1, 1, 1]


@pytest.mark.parametrize("steps", [300, 5_000, 20_000])
def test_by_iterations_the_length_of_the_run_does_not_matter(steps):
    for done in (0, 100, 300):
        of_tllib = 2 / (1 + math.exp(-1.0 * done / 1_000)) - 1
        of_udabench = 2 / (1 + math.exp(-10 * done / 10_000)) - 1
        assert of_tllib == of_udabench
        assert strength_by_iterations(done / steps, steps, 10) == pytest.approx(of_tllib)


def test_by_iterations_at_known_steps():
    assert strength_by_iterations(1_000 / 20_000, 20_000, 10) == pytest.approx(0.4621, abs=5e-5)
    assert strength_by_iterations(4_000 / 20_000, 20_000, 10) == pytest.approx(0.9640, abs=5e-5)
    assert strength_by_iterations(4_000 / 20_000, 20_000, 5) == pytest.approx(0.7616, abs=5e-5)


@pytest.mark.parametrize("batches", [3, 7, 250])
def test_early_is_the_loop_of_adatime(batches):
    num_epochs = 40
    for epoch in (1, 2, 5, num_epochs):
        for step in (0, batches - 1):
            p = (
                float(step + epoch * batches) / num_epochs + 1 / batches
            )  # a bracket round all but 1 / batches is missing
            want = 2.0 / (1.0 + math.exp(-10 * p)) - 1
            done = step + (epoch - 1) * batches
            assert early_strength(done / (num_epochs * batches), num_epochs * batches, 10) == pytest.approx(want)


def test_early_follows_gamma_and_is_strong_at_the_first_step_of_any_run():
    assert early_strength(0.5, 80, 1) == pytest.approx(2 / (1 + math.exp(-(42 / 40 + 1 / 2))) - 1)
    lowest = min(early_strength(0.0, steps, 10) for steps in range(1, 3_000))
    assert lowest == pytest.approx(2 / (1 + math.exp(-20 / math.sqrt(40))) - 1, abs=1e-4)
    assert lowest > 0.91
    assert early_strength(1.0, 20_000, 10) == 1
