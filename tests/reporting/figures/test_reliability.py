import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import places
from tlbench.findings.calibration import reliability_table
from tlbench.reporting.figures.reliability import reliability

RUN = pd.DataFrame({"label": [0, 0, 1, 1], "prediction": [0, 1, 1, 1], "confidence": [0.51, 0.52, 0.95, 1.0]})
TABLE = reliability_table({"dann": [RUN], "source_only": [RUN[:2]]})


def test_accuracy_over_confidence_and_the_shares_below():
    figure = reliability(TABLE, "last")
    upper, lower = figure.axes
    dann, reference = upper.containers
    np.testing.assert_allclose(places(dann.lines[0]), [(0.515, 0.5), (0.95, 1), (1, 1)])
    np.testing.assert_allclose(places(reference.lines[0]), [(0.515, 0.5)])
    assert places(upper.lines[0]) == [(0, 0), (1, 1)]
    heights = [[bar.get_height() for bar in bars] for bars in lower.containers]
    assert heights[0] == [0] * 7 + [50] + [0] * 6 + [50]  # a confidence of 1 stands in the last
    assert heights[1] == [0] * 7 + [100] + [0] * 7
    assert figure.legends[0].texts[0].get_text() == f"dann: ECE {(2 * 0.015 + 0.05) / 4:.3f}"
    with pytest.raises(ValueError, match="lacking"):
        reliability(TABLE.drop(columns="ece"), "last")
