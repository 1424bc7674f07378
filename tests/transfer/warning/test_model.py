"""The warning's model: a logistic function that can be written by hand, and what is shipped."""

import numpy as np
import pytest

from tlbench.transfer.warning.model import WarningModel, shipped_model

MODEL = WarningModel("1", ["a", "b"], [1.0, 0.0], [2.0, 1.0], [0.5, -1.0], 0.25)


def test_a_probability_by_hand():
    assert MODEL.contributions({"a": 5.0, "b": 1.0}) == {"a": 1.0, "b": -1.0}
    assert MODEL.probability({"a": 5.0, "b": 1.0}) == pytest.approx(1 / (1 + np.exp(-0.25)))


@pytest.mark.parametrize("missing", [{}, {"a": float("nan")}, {"other": 3.0}])
def test_a_signal_that_is_missing_says_nothing(missing):
    assert MODEL.probability(missing) == pytest.approx(1 / (1 + np.exp(-0.25)))


def test_a_signal_beyond_the_atlas_says_no_more_than_its_most_extreme_there():
    assert MODEL.contributions({"a": 1e12}) == {"a": 2.0, "b": 0.0}
    assert MODEL.contributions({"a": -1e12})["a"] == -2.0


def test_json_and_back():
    assert WarningModel.of_json(MODEL.as_json()) == MODEL


def test_what_is_shipped_can_be_read_and_looks_at_no_method():
    if (model := shipped_model()) is None:
        pytest.skip("no model is shipped yet")
    assert len(model.names) == len(set(model.names)) == len(model.weights) == len(model.scales) == len(model.centers)
    assert min(model.scales) > 0
    assert not any("method" in name for name in model.names)
