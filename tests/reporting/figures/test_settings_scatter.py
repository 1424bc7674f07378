"""Scatter and parallel axes: places are the table's numbers, words stand in their order, what lacks a value is told."""

import numpy as np
import pandas as pd
import pytest

from tlbench.reporting.figures.settings_scatter import parallel, scatter

TABLE = pd.DataFrame(
    {
        "method": ["pca", "pca", "sa", "sa"], "method.dim": [2, 20, 200, None], "optim.kind": ["sgd", "adam", "sgd", "adam"],
        "gain": [-3.0, 1.0, 2.0, 4.0],
    }
)  # fmt: skip


def test_dots_are_where_the_table_says_and_a_wide_range_is_logarithmic():
    (axes,) = scatter(TABLE, "method.dim", "gain").axes
    dots = {c.get_label(): np.asarray(c.get_offsets()).tolist() for c in axes.collections}
    assert dots == {"pca": [[2, -3], [20, 1]], "sa": [[200, 2]]}
    assert axes.get_xscale() == "log"


def test_words_have_a_place_each_and_their_names_below():
    (axes,) = scatter(TABLE, "optim.kind", "gain").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["adam", "sgd"]
    assert sorted(x for c in axes.collections for x, _ in np.asarray(c.get_offsets())) == [0, 0, 1, 1]


def test_what_lacks_a_value_is_counted_and_nothing_at_all_is_an_error():
    assert "3 cells with both; 1 lack" in " ".join(scatter(TABLE, "method.dim", "gain").get_supxlabel().split())
    with pytest.raises(ValueError, match="A scatter needs rows"):
        scatter(TABLE.assign(gain=np.nan), "method.dim", "gain")


def test_lines_run_from_the_least_to_the_greatest_value_of_each_axis():
    (axes,) = parallel(TABLE.dropna(), ["method.dim", "optim.kind"]).axes
    lines = [
        line.get_ydata() for line in axes.get_lines() if len(line.get_xdata()) == 3 and len(set(line.get_xdata())) == 3
    ]
    np.testing.assert_allclose(lines, [[0, 1, 0], [18 / 198, 0, 0.8], [1, 1, 1]])


def test_what_is_not_set_stands_below_and_is_called_so():
    table = pd.DataFrame({"dim": [None, 10.0, 20.0, 30.0], "gain": [1.0, 2.0, 3.0, 4.0]})
    (axes,) = parallel(table, ["dim"]).axes
    starts = [
        line.get_ydata()[0]
        for line in axes.get_lines()
        if list(line.get_xdata()) == [0, 1] and line.get_linewidth() > 1
    ]
    assert starts == pytest.approx([-0.2, 0, 0.5, 1])
    texts = {text.get_text(): text.get_position()[1] for text in axes.texts if text.get_position()[0] == 0}
    assert texts == {"30": 1.0, "10": 0.0, "not set": -0.2}


def test_parallel_axes_need_a_setting():
    with pytest.raises(ValueError, match="a setting that varies"):
        parallel(TABLE, [])
