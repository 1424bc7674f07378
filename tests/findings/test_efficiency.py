import pytest

from tests.findings.tables import cell, run, table
from tlbench.findings.efficiency import axes_of, curve_table, worth
from tlbench.findings.rule import Rule


def point(method, x, name="shots", protocol="p", **changes):
    """A cell and its config's protocol: x is what it grants."""
    key = f"{method}/{x}/{protocol}"
    own = cell(method, cell_key=key, protocol=f"{protocol}-{x}", **changes)
    return own, {"protocol": {"_target_": protocol, "shots": 0, "n_target": None, name: x}}


def axes(*points):
    return axes_of(table(*(own for own, _ in points)), {own["cell_key"]: config for own, config in points})


def test_an_axis_needs_two_points_that_differ_in_it_only():
    (axis,) = axes(point("dann", 1), point("dann", "all"), point("dann", 3), point("target_only", 3))
    assert (axis.name, axis.title) == ("shots", "d · a-b · b · k · accuracy · p-1")
    assert axis.cells[["method", "x", "x_order"]].to_numpy().tolist() == [
        ["dann", "1", 1], ["dann", "3", 3], ["dann", "all", 4], ["target_only", "3", 3]
    ]  # fmt: skip
    assert axes(point("dann", 1), point("coral", 1)) == []
    assert axes(point("dann", 1), point("dann", 3, protocol="q")) == []
    assert axes(point("dann", 1), point("dann", 3, pair="b-a")) == []
    assert axes(point("dann", 1), point("dann", 3, hole="2 of 3 seeds")) == []


def test_no_number_of_target_examples_means_all_of_them():
    (axis,) = axes(point("dann", None, "n_target"), point("dann", 50, "n_target"))
    assert axis.name == "n_target"
    assert axis.cells[["x", "x_order"]].to_numpy().tolist() == [["50", 50], ["all", 51]]
    assert axes(point("dann", None, "n_source_per_class"), point("dann", 20, "n_source_per_class")) == []


def test_a_cell_of_before_there_were_drawn_shares_is_one_of_shares_as_they_are():
    old, new, drawn = point("dann", 1), point("dann", 3), point("dann", 5)
    new[1]["protocol"]["source_shares"], drawn[1]["protocol"]["source_shares"] = None, 0.1
    (axis,) = axes(old, new, drawn)
    assert axis.cells["x"].tolist() == ["1", "3"]


# target_only: 40 at 1, 50 at 3, 70 at all = 8 a class
CURVE = {("target_only", 1): 0.4, ("target_only", 3): 0.5, ("target_only", "all"): 0.7, ("dann", 0): 0.45,
         ("dann", 1): 0.6, ("dann", 3): 0.9}  # fmt: skip


def curve(spread=(0.0, 0.0, 0.0), **changes):
    points = [point(method, x, score=100 * score) for (method, x), score in CURVE.items()]
    sizes = {0: 0, 1: 5, 3: 15, "all": 40}  # five classes
    runs = [
        run(method, seed=seed, score=score + spread[seed], cell_key=own["cell_key"], n_shots=sizes[x],
            gain_over_source_only=10.0 + seed)
        for (own, _), ((method, x), score) in zip(points, CURVE.items(), strict=True) for seed in (2, 0, 1)
    ]  # fmt: skip
    (axis,) = axes(*points)
    return axis, table(*runs), points


def test_a_curve_has_scores_of_the_cells_and_gains_over_source_only():
    axis, runs, _ = curve((-0.02, 0.0, 0.02))
    row = curve_table(axis, runs, Rule()).set_index(["method", "x"]).loc[("dann", "1")]
    assert (row["score"], row["gain"]) == pytest.approx((60, 11))
    assert row["gain_half"] == pytest.approx(4.302653 / 3**0.5)
    assert row["seeds"] == pytest.approx([58, 60, 62])  # by seed


@pytest.mark.parametrize("n_all", [3.0, 2.5])
def test_a_count_that_classes_cannot_give_is_no_point_of_the_curve(n_all):
    """`all` is as many as 3 a class, or fewer: the curve ends there, and is still read."""
    axis, runs, _ = curve()
    runs["n_shots"] = runs["n_shots"].astype(float)
    runs.loc[runs["cell_key"].str.contains("/all/"), "n_shots"] = 5 * n_all
    found = worth(axis, curve_table(axis, runs, Rule()), runs, Rule()).set_index("shots")
    # from 40 at 1 to 70 at all: 45 lies a sixth of the way
    assert float(found.loc["0", "needed"]) == pytest.approx(1 + (n_all - 1) / 6, abs=0.051)
    assert found.loc["3", "needed"] == f"more than {n_all:g}"


def test_worth_is_read_off_the_curve_of_target_only():
    axis, runs, _ = curve()
    found = worth(axis, curve_table(axis, runs, Rule()), runs, Rule()).set_index("shots")
    # 45 lies half way from 1 to 3; 60 half way from 3 to 8; 90 beyond
    assert found["needed"].to_dict() == {"0": "2", "1": "5.5", "3": "more than 8"}
    assert found["worth"].to_dict() == pytest.approx({"0": 2, "1": 4.5, "3": 5})
    assert found["bound"].to_dict() == {"0": "", "1": "", "3": "above"}
    assert found.loc["0", "interval"] == "2 to 2"


def test_worth_needs_two_points_of_target_only_and_equally_many_seeds():
    axis, runs, _ = curve()
    whole = curve_table(axis, runs, Rule())
    alone = whole[(whole["method"] != "target_only") | (whole["x"] == "1")]
    assert worth(axis, alone, runs, Rule()).empty
    less = runs[(runs["cell_key"] != "dann/1/p") | (runs["seed"] < 2)]
    assert worth(axis, curve_table(axis, less, Rule()), less, Rule()).empty
