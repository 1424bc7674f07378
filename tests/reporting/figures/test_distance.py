import numpy as np
import pytest

from tests.reporting.figures.drawn import places
from tests.reporting.figures.many import RULE, over_distance
from tlbench.reporting.figures.distance import gain_over_distance

TABLE = over_distance(2, 2).assign(
    method=["dann", "mmd"] * 2, distance=[0.5, 0.5, 2.0, 2.0], gain=[1.0, 2.0, 3.0, -4.0], gain_half=0.5,
    flag=["positive", "no_effect", "inconclusive", "negative"], rho=[0.75, np.nan] * 2, low=np.nan, high=np.nan, n=2,
)  # fmt: skip


def test_points_their_intervals_and_their_correlation_with_n():
    figure = gain_over_distance(TABLE, RULE, "A-distance (0 to 2)")
    axes = figure.axes[0]
    flagged, open_ = (
        [p for line in axes.lines if line.get_label() == name for p in places(line)] for name in ("_flagged", "_open")
    )
    assert sorted(flagged) == [(0.5, 1), (2, -4)]
    assert sorted(open_) == [(0.5, 2), (2, 3)]
    segments = np.concatenate([np.array(bars.lines[2][0].get_segments()) for bars in axes.containers])
    assert sorted(segments[:, :, 1].tolist()) == [[-4.5, -3.5], [0.5, 1.5], [1.5, 2.5], [2.5, 3.5]]
    assert [t.get_text() for t in figure.legends[0].texts] == [
        "dann: ρ = +0.75 (p = 0.013, n = 2)",
        "mmd: no ρ (n = 2)",
    ]
    assert axes.get_xlabel() == "A-distance (0 to 2)"
    with pytest.raises(ValueError, match="lacking"):
        gain_over_distance(TABLE.drop(columns="rho"), RULE, "x")
