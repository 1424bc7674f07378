import numpy as np
import pandas as pd
import pytest

from tlbench.reporting.figures.selection_rules import selection_rules

TABLE = pd.DataFrame(
    [("dann", "last", 60.0, 4.0, 3), ("mmd", "last", 61.0, 2.0, 3), ("dann", "oracle", 64.0, 0.0, 3),
     ("mmd", "oracle", 63.0, 0.0, 3), ("dann", "im", 63.0, 1.0, 3), ("mmd", "im", np.nan, np.nan, 3)],
    columns=["method", "rule", "score", "gap", "n_pairs"],
)  # fmt: skip


def test_rules_stand_by_their_mean_gap_below_oracle():
    figure = selection_rules(TABLE)
    left, right = figure.axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["ORACLE", "im", "last"]
    scores = {line.get_label(): list(line.get_xdata()) for line in left.lines if line.get_label() in ("dann", "mmd")}
    assert scores["dann"] == [64, 63, 60]
    assert np.isnan(scores["mmd"][1])
    assert [scores["mmd"][0], scores["mmd"][2]] == [63, 61]
    (means,) = (line for line in right.lines if line.get_label() == "_mean")
    assert list(means.get_xdata()) == [0, 1, 3]
    assert [t.get_text() for t in right.texts] == ["0.0", "1.0", "3.0"]
    with pytest.raises(ValueError, match="more for: last, dann"):
        selection_rules(pd.concat([TABLE, TABLE[:1]]))
