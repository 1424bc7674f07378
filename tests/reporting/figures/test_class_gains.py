import numpy as np
import pytest

from tests.reporting.figures.drawn import places, words
from tests.reporting.figures.many import RULE, classes
from tlbench.reporting.figures.class_gains import class_gains

TABLE = classes(4).assign(
    **{"class": ["cat", "dog", "owl", "fox"]}, class_gain=[3.0, -8.0, 0.5, 1.0], gain=-0.9,
    class_flag=["positive", "negative", "no_effect", "inconclusive"], seed_gains=[[1.0, 5.0], [-8.0], [], [1.0, 1.0]],
)  # fmt: skip


def test_classes_stand_by_their_gain_with_interval_and_flag():
    axes = class_gains(TABLE, RULE).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "fox", "owl", "dog"]
    dots = {bars.get_label(): places(bars.lines[0]) for bars in axes.containers}
    assert dots == {
        "positive": [(3, 0)],
        "inconclusive": [(1, 1)],
        "≈ within the margin": [(0.5, 2)],
        "negative": [(-8, 3)],
    }
    (negative,) = (bars for bars in axes.containers if bars.get_label() == "negative")
    assert np.array(negative.lines[2][0].get_segments())[0].tolist() == [[-12, 3], [-4, 3]]
    assert [line.get_xdata()[0] for line in axes.lines if list(line.get_ydata()) == [0, 1]] == [0, -0.9]


def test_seeds_are_points_below_their_class():
    axes = class_gains(TABLE, RULE).axes[0]
    seeds = [part.get_offsets().tolist() for part in axes.collections if part.get_zorder() == 1]
    assert seeds == [[[1, 0.3], [5, 0.3], [1, 1.3], [1, 1.3], [-8, 3.3]]]
    assert "(dots)" in words(class_gains(TABLE, RULE))


def test_of_many_classes_both_ends_are_shown_and_it_is_said():
    figure = class_gains(TABLE, RULE, most=2)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["cat", "dog"]
    assert "2 of 4 classes, half from each end" in words(figure)
    with pytest.raises(ValueError, match="lacking"):
        class_gains(TABLE.drop(columns="class_half"), RULE)
