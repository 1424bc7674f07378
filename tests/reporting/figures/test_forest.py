import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import places, words
from tests.reporting.figures.many import RULE
from tests.reporting.figures.test_heat_map import TABLE
from tlbench.reporting.figures.forest import gain_forest

MORE = pd.concat(
    [
        TABLE,
        pd.DataFrame(
            [("b-a", "dann", 9.0, 1.0, "inconclusive", 3, "source_only", [8.0, 9.0, 10.0])], columns=TABLE.columns
        ),
    ]
)


def dots(figure) -> dict[str, list[tuple[float, float]]]:
    return {bars.get_label(): places(bars.lines[0]) for bars in figure.axes[0].containers}


def test_groups_and_gains_are_sorted_and_shapes_are_the_flags():
    figure = gain_forest(MORE, RULE)
    axes = figure.axes[0]
    assert dots(figure) == {"inconclusive": [(9, 1)], "positive": [(2, 3)], "? fewer than three seeds": [(-4, 4)]}
    ticks = dict(zip(axes.get_yticks(), [t.get_text() for t in axes.get_yticklabels()], strict=True))
    assert ticks == {0: "b-a", 1: "dann", 2: "a-b", 3: "dann", 4: "mmd"}
    assert [t.get_text() for t in axes.texts] == ["+9.0 ± 1.0 ○", "+2.0 ± 1.5 ▲", "-4.0 ?"]
    markers = {bars.get_label(): bars.lines[0].get_marker() for bars in axes.containers}
    assert markers == {"inconclusive": "o", "positive": "^", "? fewer than three seeds": "x"}
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.texts] == ["positive", "inconclusive", "? fewer than three seeds"]


def test_seeds_are_points_below_their_mean():
    axes = gain_forest(MORE, RULE).axes[0]
    seeds = [
        part.get_offsets().tolist() for part in axes.collections if len(part.get_offsets()) and part.get_zorder() == 1
    ]
    assert seeds == [[*([g, 1.3] for g in (8, 9, 10)), *([g, 3.3] for g in (1, 2, 3)), [-4, 4.3]]]
    assert "Mean over 1 to 3 seeds (dots)" in words(gain_forest(MORE, RULE))


def test_intervals_the_zero_line_and_the_margin():
    axes = gain_forest(MORE, RULE).axes[0]
    (positive,) = (bars for bars in axes.containers if bars.get_label() == "positive")
    assert np.array(positive.lines[2][0].get_segments())[0].tolist() == [[0.5, 3], [3.5, 3]]
    assert [line for line in axes.lines if list(line.get_xdata()) == [0, 0]]
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == (-1, 2)


def test_groups_may_be_methods_and_only_the_greatest_gains_are_shown():
    by_method = [t.get_text() for t in gain_forest(MORE, RULE, by="method").axes[0].get_yticklabels()]
    assert by_method == ["dann", "mmd", "b-a", "a-b", "a-b"]  # heads first
    figure = gain_forest(MORE, RULE, most=2)
    assert dots(figure) == {"inconclusive": [(9, 1)], "? fewer than three seeds": [(-4, 3)]}
    assert "The 2 greatest in size of 3 gains" in words(figure)


def test_no_gain_is_no_forest():
    with pytest.raises(ValueError, match="every row"):
        gain_forest(TABLE.assign(gain=np.nan), RULE)
