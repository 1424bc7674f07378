import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from tests.findings.tables import cell, table
from tlbench.findings.classes import class_table, collapsed
from tlbench.findings.differences import CellDifferences
from tlbench.findings.rule import Rule
from tlbench.transfer.crossed_gain import Crossed, half_width, p_above

NAMES = {"d": ["cat", "dog", "owl"]}


def part(gain, var=1.0, seeds=3):
    return Crossed(gain, 0.0, var, seeds, 101.0)


def differences(*classes):
    return CellDifferences(part(0.0), list(classes), None)


CELLS = [
    cell("dann", gain=1.0, flag="inconclusive"),
    cell("coral", gain=-4.0, flag="negative"),
    cell("target_only", gain=9.0, flag="positive"),
    cell("late", hole="2 of 3 seeds"),
]
FOUND = {
    "dann/a-b": differences(part(-5.0), None, part(6.0)),
    "coral/a-b": differences(part(-2.3), part(-9.0), part(0.0, 0.01)),
    "target_only/a-b": differences(part(-8.0), part(-8.0), part(-8.0)),
}


def found(rule=None, names=NAMES):
    return class_table(table(*CELLS), FOUND, names, rule or Rule())


def test_every_class_of_methods_cells_has_a_row_and_an_absent_class_none():
    rows = found()[["method", "class", "class_gain", "gain", "flag"]].to_numpy().tolist()
    assert rows == [
        ["dann", "cat", -5.0, 1.0, "inconclusive"], ["dann", "owl", 6.0, 1.0, "inconclusive"],
        ["coral", "cat", -2.3, -4.0, "negative"], ["coral", "dog", -9.0, -4.0, "negative"],
        ["coral", "owl", 0.0, -4.0, "negative"],
    ]  # fmt: skip
    assert found(names={"d": ["cat"]})["class"].tolist() == ["cat", "2", "cat", "1", "2"]


@pytest.mark.parametrize(("correction", "method"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_p_is_corrected_over_all_classes_of_all_methods_together(correction, method):
    rows = found(Rule(correction=correction))
    parts = [part(-5.0), part(6.0), part(-2.3), part(-9.0), part(0.0, 0.01)]
    p = 2 * p_above(parts, np.abs([c.gain for c in parts]))
    assert rows["class_p"].to_numpy() == pytest.approx(p)
    assert rows["class_p_corrected"].to_numpy() == pytest.approx(multipletests(p, method=method)[1])
    assert set(rows["n_class_tests"]) == {5}


def test_flags_follow_the_corrected_p_and_the_margin():
    # -2.3 has p = 0.0235, the fourth of five: Holm makes it 0.047
    rows = found().set_index(["method", "class"])
    assert rows.loc[("dann", "cat"), "class_flag"] == "negative"
    assert rows.loc[("dann", "owl"), "class_flag"] == "positive"
    assert rows.loc[("coral", "cat"), "class_p_corrected"] == pytest.approx(0.047, abs=5e-4)
    assert rows.loc[("coral", "cat"), "class_flag"] == "negative"
    assert rows.loc[("coral", "owl"), "class_flag"] == "no_effect"  # 0 with an error of 0.1, margin 1
    small = found(Rule(margin=0.0)).set_index(["method", "class"])
    assert small.loc[("coral", "owl"), "class_flag"] == "inconclusive"


def test_more_classes_make_a_flag_harder():
    # p = 0.0196: times 2 below 0.05, times 3 not
    edge = part(-2.372)
    assert 2 * p_above([edge], np.array([2.372]))[0] == pytest.approx(0.0196, abs=1e-4)

    def flag_beside(n):
        other = {"dann/a-b": differences(edge, *[part(0.1)] * n)}
        return class_table(table(CELLS[0]), other, NAMES, Rule())["class_flag"][0]

    assert [flag_beside(n) for n in (0, 1, 2)] == ["negative", "negative", "inconclusive"]


def test_intervals_are_those_of_the_parts():
    rows = found(Rule(alpha=0.1))
    assert rows["class_half"].to_numpy() == pytest.approx(half_width([part(0.0)] * 4 + [part(0.0, 0.01)], 0.1))
    assert rows["class_half"][0] == pytest.approx(1.660234)  # t with 100 degrees of freedom, 95 % quantile


def test_fewer_than_three_seeds_make_no_statement():
    cells = table(cell("dann", gain=1.0, flag="few_seeds", n_seeds=2))
    rows = class_table(cells, {"dann/a-b": differences(part(-50.0, seeds=2))}, NAMES, Rule())
    assert rows["class_flag"].tolist() == ["few_seeds"]
    assert set(rows["n_class_tests"]) == {0}


def test_collapsed_are_classes_that_lose_where_the_cell_does_not():
    both = FOUND | {"dann/a-b": differences(part(-5.0), part(-7.0), part(20.0))}
    rows = class_table(table(*CELLS), both, NAMES, Rule())
    assert rows[rows["class_flag"] == "negative"]["class"].tolist() == ["cat", "dog", "cat", "dog"]
    assert collapsed(rows)[["method", "class"]].to_numpy().tolist() == [["dann", "dog"], ["dann", "cat"]]  # worst first
