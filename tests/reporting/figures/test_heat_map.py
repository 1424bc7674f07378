import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import words
from tests.reporting.figures.many import RULE
from tlbench.reporting.figures.heat_map import gain_heat_map

TABLE = pd.DataFrame(
    [("a-b", "dann", 2.0, 1.5, "positive", 3, "source_only", [1.0, 2.0, 3.0]),
     ("a-b", "mmd", -4.0, np.nan, "few_seeds", 1, "source_only", [-4.0]),
     ("b-a", "mmd", np.nan, np.nan, "", 2, "source_only", [])],
    columns=["pair", "method", "gain", "gain_half", "flag", "n_seeds", "reference", "seed_gains"],
)  # fmt: skip


def test_cells_have_the_gain_its_interval_and_its_flag():
    axes, bar = gain_heat_map(TABLE, RULE).axes
    assert [t.get_text() for t in axes.texts] == ["+2.0▲\n±1.5", "-4.0?", "–", "–"]
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array().filled(np.nan), [[2, -4], [np.nan, np.nan]])
    assert (image.norm.vmin, image.norm.vcenter, image.norm.vmax) == (-4, 0, 4)  # no gain is white whatever there is
    assert [t.get_text() for t in axes.get_xticklabels()] == ["dann", "mmd"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a-b", "b-a"]
    assert bar.get_ylabel() == "gain over source_only (points)"


def test_the_line_below_says_n_interval_selection_and_flags():
    found = words(gain_heat_map(TABLE, RULE))
    for part in ("1 to 3 seeds", "95 % interval", "selection last", "Holm at level 0.05", "≈ within ±1"):
        assert part in found


def test_what_is_no_table_of_gains_is_refused():
    for wrong, why in (
        (TABLE.drop(columns="flag"), r"lacking \['flag'\]"),
        (TABLE[:0], "every row"),
        (pd.concat([TABLE, TABLE[:1]]), "more for: a-b, dann"),
        (TABLE.assign(gain=np.nan), "every row lacks one"),
    ):
        with pytest.raises(ValueError, match=why):
            gain_heat_map(wrong, RULE)
