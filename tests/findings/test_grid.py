"""Columns of wide tables: folded, and in the order in which people count."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.findings.tables import cell, table
from tlbench.findings.grid import MANY_COLUMNS, folded, folded_table, grids
from tlbench.findings.names import natural, pair_title


@given(st.lists(st.integers(), unique=True, max_size=60), st.integers(1, 9))
def test_folding_keeps_every_column_once_in_order_and_evenly(names, most):
    parts = folded([str(n) for n in names], most)
    assert [n for part in parts for n in part] == [str(n) for n in names]
    assert all(len(part) <= most for part in parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts) == max(1, -(-len(names) // most))


def test_parts_of_a_wide_table_repeat_its_first_column_and_narrow_ones_stay():
    table = pd.DataFrame([range(30)], columns=[f"c{i % 7}" for i in range(30)])  # names may come twice
    parts = folded_table(table)
    assert all(part.columns[0] == "c0" for part in parts)
    assert sum(part.shape[1] - 1 for part in parts) == 29
    assert [value for part in parts for value in part.iloc[0, 1:]] == list(range(1, 30))
    narrow = table.iloc[:, :MANY_COLUMNS]
    assert folded_table(narrow)[0] is narrow


@pytest.mark.parametrize(
    "ordered",
    [
        ["dim=2", "dim=4", "dim=10", "dim=40"],
        ["lr=0.0005", "lr=0.05", "lr=1"],
        ["lr=1e-05", "lr=0.001"],
        ["", "a", "b"],
    ],
)
def test_variants_are_ordered_as_people_count(ordered):
    assert sorted({*ordered}, key=natural) == ordered


def test_a_pair_of_many_sources_is_named_by_the_first_and_the_last():
    many = "+".join(f"w{i}" for i in range(1, 7))
    assert pair_title(f"{many}-w7") == "w1+…+w6-w7"
    assert pair_title(f"{many}-b-w7") == "w1+…+w6-b-w7"
    assert pair_title("a+b+c+d-e") == "a+b+c+d-e"
    (grid,) = grids(table(*[cell(pair=f"{many}-w{i}") for i in (10, 9)]))
    assert grid.pairs == ["w1+…+w6-w9", "w1+…+w6-w10"]
    assert list(grid.averages) == ["average, several sources"]


def test_two_sets_of_sources_that_begin_and_end_alike_keep_their_names():
    pairs = ["a+b+c+d+z-t", "a+b+c+e+z-t"]
    (grid,) = grids(table(*[cell(pair=pair) for pair in pairs]))
    assert grid.pairs == pairs
