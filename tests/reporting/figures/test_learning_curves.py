import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import places, words
from tlbench.reporting.figures.learning_curves import learning_curves

SCORES = pd.DataFrame(
    [("oracle", 5, 50.0, "score", False), ("oracle", 10, 60.0, "score", True), ("source_val", 5, 90.0, "score", True),
     ("source_val", 10, 80.0, "score", False), ("im", 5, -2.0, "validator", True), ("im", 10, -6.0, "validator", False),
     ("snd", 5, 3.0, "validator", False), ("snd", 10, 3.0, "validator", True), ("last", 5, np.nan, "step", False),
     ("last", 10, np.nan, "step", True)],
    columns=["rule", "step", "score", "kind", "chosen"],
)  # fmt: skip
TERMS = pd.DataFrame([("a", 0, 2.0), ("a", 1, 1.0), ("b", 0, 0.5), ("b", 1, 0.25)], columns=["name", "step", "value"])


def curves(axes) -> dict[str, list[tuple[float, float]]]:
    return {line.get_label(): places(line) for line in axes.lines if not line.get_label().startswith("_")}


def rings(axes) -> list[list[tuple[float, float]]]:
    return [places(line) for line in axes.lines if line.get_label() == "_chosen"]


def test_each_rule_has_its_curve_and_its_choice():
    scores, validators, terms = learning_curves(SCORES, TERMS, "last").axes
    assert curves(scores) == {
        "target test (ORACLE: its labels)": [(5, 50), (10, 60)],
        "source validation": [(5, 90), (10, 80)],
    }
    assert rings(scores) == [[(10, 60)], [(5, 90)]]
    assert curves(validators) == {
        "im": [(5, 1), (10, 0)],
        "snd": [(5, 0.5), (10, 0.5)],
    }  # worst 0, best 1; no difference 0.5
    assert rings(validators) == [[(5, 1)], [(10, 0.5)]]
    assert curves(terms) == {"a": [(0, 2), (1, 1)], "b": [(0, 0.5), (1, 0.25)]}
    assert terms.get_yscale() == "linear"
    for axes in (scores, validators, terms):
        assert [
            line.get_xdata()[0]
            for line in axes.lines
            if line.get_linestyle() == "--" and len(set(line.get_xdata())) == 1
        ] == [10]


def test_terms_of_very_different_size_get_a_log_axis_and_no_terms_no_panel():
    far = TERMS.assign(value=[200.0, 100.0, 0.5, 0.25])
    assert learning_curves(SCORES, far, "last").axes[2].get_yscale() == "log"
    alone = learning_curves(SCORES, TERMS[:0], "im")
    assert len(alone.axes) == 2
    assert "step 5, chosen by selection im" in words(alone)
    with pytest.raises(ValueError, match="more for: im, 5"):
        learning_curves(pd.concat([SCORES, SCORES[4:5]]), TERMS, "last")
