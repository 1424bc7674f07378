import numpy as np

from tests.findings.tables import cell, run, table
from tlbench.findings.gains import COLUMNS, SEEDS, gain_table
from tlbench.findings.grid import grids


def test_every_cell_of_a_method_with_gains_is_a_row_in_the_grid_s_order():
    cells = table(
        cell("source_only"), cell("dann", gain=2.0, flag="positive"), cell("dann", "b-a", hole="2 of 3 seeds", variant="w"),
        cell("coral", "b-a", gain=-3.0, flag="negative", n_seeds=5), cell("dann", "b-a", gain=1.0, flag="inconclusive"),
    )  # fmt: skip
    (grid,) = grids(cells)
    runs = table(run(pair="b-a", seed=1, gain=3.0), run(pair="b-a", seed=0, gain=-1.0), run(seed=0, gain=2.0))
    found = gain_table(grid, runs)
    assert list(found.columns) == [*COLUMNS, SEEDS]
    assert found[SEEDS].tolist() == [[2.0], [], [-1.0, 3.0]]
    assert found.drop(columns=["gain_half", SEEDS]).to_numpy().tolist() == [
        ["a-b", "dann", 2.0, "positive", 3, "source_only"],
        ["b-a", "coral", -3.0, "negative", 5, "source_only"],
        ["b-a", "dann", 1.0, "inconclusive", 3, "source_only"],
    ]
    assert (found["gain_half"] == 1.0).all()


def test_a_hole_of_a_method_that_has_gains_elsewhere_is_kept():
    (grid,) = grids(table(cell(gain=2.0), cell(pair="b-a", hole="2 of 3 seeds"), cell("source_only", "b-a")))
    found = gain_table(grid, table(run())[:0])
    assert found["pair"].tolist() == ["a-b", "b-a"]
    assert np.isnan(found["gain"].iloc[1])
