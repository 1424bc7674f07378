"""The warning's model: step functions that can be written by hand, and what is shipped."""

import numpy as np
import pytest

from tlbench.transfer.warning.model import Step, WarningModel, shipped_model
from tlbench.transfer.warning.signals import AGAINST, FOR

MODEL = WarningModel("1", 0.25, {"a": Step([1.0, 3.0], [0.5, 0.0, -1.0]), "b": Step([], [2.0])})


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("value", "wanted"), [(-1e12, 0.5), (0.99, 0.5), (1.0, 0.0), (2.0, 0.0), (3.0, -1.0), (1e12, -1.0)]
)
def test_a_step_function_by_hand(value, wanted):
    assert MODEL.contributions({"a": value})["a"] == wanted


def test_a_probability_by_hand():
    assert MODEL.contributions({"a": 5.0, "b": 1.0, "c": 9.0}) == {"a": -1.0, "b": 2.0}
    assert MODEL.probability({"a": 5.0, "b": 1.0}) == pytest.approx(sigmoid(1.25))


@pytest.mark.parametrize("missing", [{}, {"a": float("nan")}, {"other": 3.0}])
def test_a_signal_that_is_missing_says_nothing(missing):
    assert MODEL.probability(missing) == pytest.approx(sigmoid(0.25))


def test_calibration_is_a_line_on_the_log_odds():
    found = MODEL.calibrated(0.5, -1.0)
    for said in ({}, {"a": 0.0}, {"a": 9.0, "b": 0.0}):
        odds = np.log(MODEL.probability(said) / (1 - MODEL.probability(said)))
        assert found.probability(said) == pytest.approx(sigmoid(0.5 * odds - 1))


def test_json_and_back():
    assert WarningModel.of_json(MODEL.as_json()) == MODEL
    odd = WarningModel("1", 1 / 3, {"a": Step([2 / 3], [0.1, 0.2])})
    assert WarningModel.of_json(odd.as_json()).steps["a"].edges == [0.6666667]


def test_what_is_shipped_goes_no_way_that_a_signal_does_not():
    model = shipped_model()
    assert model is not None
    assert model.adapt_below < model.keep_above
    for name, step in model.steps.items():
        assert len(step.values) == len(step.edges) + 1
        assert np.all(np.diff(step.edges) > 0)
        assert np.all(np.diff(step.values) * (1 if name in AGAINST else -1) >= -1e-6), name
        assert name in (*FOR, *AGAINST)
