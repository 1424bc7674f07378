import numpy as np
import pytest
from scipy import stats

from tests.findings.tables import cell, table
from tlbench.findings.many_targets import FEWEST_TARGETS, targets_table
from tlbench.findings.rule import Rule

GAINS = [4.0, 2.0, -1.0, 3.0, -6.0, 1.0]
FLAGS = ["positive", "positive", "inconclusive", "inconclusive", "negative", "no_effect"]


def cells(gains=GAINS, flags=FLAGS, method="dann", **changes):
    """Cells of a method on targets t0, t1, ... of several sources."""
    return [
        cell(method, f"a+b-t{i}", 70.0 + g, g, flag, gain_half=0.5 + i, **changes)
        for i, (g, flag) in enumerate(zip(gains, flags, strict=True))
    ]


def test_mean_worst_target_and_counts():
    (row,) = targets_table(table(*cells()), Rule()).to_dict("records")
    # mean 3 / 6 = 0.5; sum of squares 16+4+1+9+36+1 = 67, so sd^2 = (67 - 6 * 0.25) / 5 = 13.1
    assert row["gain"] == 0.5
    assert row["gain_half"] == pytest.approx(stats.t.ppf(0.975, 5) * (13.1 / 6) ** 0.5)
    assert (row["worst_target"], row["worst_gain"], row["worst_half"]) == ("t4", -6.0, 4.5)
    assert (row["harmed"], row["helped"], row["below_zero"], row["n_targets"]) == (1, 2, 2, 6)
    assert (row["score"], row["worst_score"]) == (70.5, 64.0)
    assert (row["method"], row["reference"], row["sources"]) == ("dann", "source_only", "several sources")


def test_the_interval_is_at_the_rule_s_level():
    (row,) = targets_table(table(*cells()), Rule(alpha=0.2)).to_dict("records")
    assert row["gain_half"] == pytest.approx(stats.t.ppf(0.9, 5) * (13.1 / 6) ** 0.5)


def test_methods_stand_in_the_order_of_their_mean_gain_and_references_are_no_methods():
    worse = cells([g - 1 for g in GAINS], method="mmd")
    reference = [cell("source_only", f"a+b-t{i}", 70.0) for i in range(6)]
    assert targets_table(table(*worse, *cells(), *reference), Rule())["method"].tolist() == ["dann", "mmd"]


def test_few_targets_or_several_pairs_of_one_are_no_case_of_it():
    few = FEWEST_TARGETS - 1
    assert len(targets_table(table(*cells()), Rule())) == 1
    assert targets_table(table(*cells(GAINS[:few], FLAGS[:few])), Rule()).empty
    assert targets_table(table(*cells(), cell("dann", "c+d-t0", 70.0, 1.0)), Rule()).empty
    assert targets_table(table(), Rule()).empty
    assert targets_table(table(cell("source_only", "a+b-t0", 70.0)), Rule()).empty  # no method at all


def test_a_method_that_lacks_a_target_is_left_out_and_others_are_not():
    short = cells(method="mmd")[1:]
    hole = cells([*GAINS[:5], np.nan], method="tca")
    assert targets_table(table(*cells(), *short, *hole), Rule())["method"].tolist() == ["dann"]


def test_settings_are_apart():
    rows = [*cells(setting="closed_set"), *cells([g - 1 for g in GAINS], method="tent", setting="test_time")]
    found = targets_table(table(*rows), Rule())
    assert found[["setting", "method", "gain"]].to_numpy().tolist() == [
        ["closed_set", "dann", 0.5],
        ["test_time", "tent", -0.5],
    ]


def test_blocks_and_kinds_of_pair_are_apart():
    one = [{**row, "pair": row["pair"].replace("a+b", "a")} for row in cells()]
    other = [{**row, "backbone": "lenet"} for row in cells([g + 1 for g in GAINS])]
    found = targets_table(table(*one, *cells(), *other), Rule())
    assert found[["backbone", "sources", "gain"]].to_numpy().tolist() == [
        ["b", "one source", 0.5], ["b", "several sources", 0.5], ["lenet", "several sources", 1.5]
    ]  # fmt: skip
