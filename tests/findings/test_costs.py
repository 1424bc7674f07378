import numpy as np
import pytest

from tests.findings.tables import cell, run, table
from tlbench.findings.costs import cost_table, pareto


def test_the_front_is_what_nothing_beats_at_its_price():
    cost, gain = np.array([1.0, 2.0, 3.0, 2.0, 1.0, 5.0]), np.array([0.0, 3.0, 2.0, 3.0, -1.0, 4.0])
    assert pareto(cost, gain).tolist() == [True, True, False, True, False, True]  # equal points are both on it


def test_costs_are_medians_gains_are_means_and_the_reference_gains_nothing():
    cells = table(
        cell("source_only"), cell("source_only", "b-a"), cell(gain=4.0, gain_half=3.0), cell(pair="b-a", gain=2.0, gain_half=4.0),
        cell("mmd", gain=9.0),
    )  # fmt: skip
    spent = {"source_only": [1.0, 2.0, 3.0], "dann": [10.0, 20.0, 90.0], "mmd": [1.0, 1.0, 1.0]}
    runs = table(
        *(run(m, p, s, train_seconds=spent[m][s], peak_memory_mb=100 * spent[m][s], selection=rule)
          for m in spent for p in ("a-b", "b-a") for s in range(3) for rule in ("last", "oracle"))
    )  # fmt: skip
    found = cost_table(cells, runs, "last").set_index("method")
    assert sorted(found.index) == ["dann", "source_only"]  # mmd lacks a pair
    assert found.loc["dann", ["gain", "gain_half", "train_seconds", "peak_memory_mb", "n_pairs"]].tolist() == [
        3,
        2.5,
        20,
        2000,
        2,
    ]
    assert found.loc["source_only", ["gain", "gain_half", "train_seconds"]].tolist() == [0, 0, 2]
    assert found[["front_train_seconds", "front_peak_memory_mb"]].to_numpy().all()
    assert found["reference"].unique().tolist() == ["source_only"]
    assert found.loc["dann", "gain"] == pytest.approx(3)


def test_a_method_whose_records_do_not_say_what_it_cost_is_left_out():
    cells = table(cell("source_only"), cell(gain=4.0), cell("mmd", gain=1.0))
    rows = [
        run(m, seed=s, train_seconds=1.0, peak_memory_mb=None if m == "mmd" else 5.0)
        for m in ("source_only", "dann", "mmd")
        for s in (0, 1)
    ]
    assert sorted(cost_table(cells, table(*rows), "last")["method"]) == ["dann", "source_only"]
    assert cost_table(cells, table(*[{**row, "train_seconds": None} for row in rows]), "last").empty
