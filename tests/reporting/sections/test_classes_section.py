import pandas as pd
import pytest

from tests.findings.tables import cell, table
from tests.findings.test_classes import CELLS, FOUND, NAMES, found
from tlbench.findings.classes import class_table, collapsed
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.classes_section import classes_section


def test_words():
    made = classes_section(found())
    assert (
        "corrected over all 5 classes of all methods' cells: 3 negative, 1 positive, 1 without effect, of 5."
        in made.words[0]
    )
    assert made.shown.iloc[0].tolist()[:4] == ["dann", "d, a-b, p", "cat", "-5.0 ± 2.0"]
    assert made.shown.iloc[0].tolist()[-1] == "+1.0 inconclusive"
    assert len(made.shown) == 1
    none = classes_section(class_table(table(*CELLS[1:]), FOUND, NAMES, Rule()))
    assert none.shown is None
    assert none.words[0].endswith("No class is shown to lose in a cell that does not.")


@pytest.mark.parametrize("cells", [pd.DataFrame(), table(*CELLS[2:])])
def test_without_methods_there_is_nothing(cells):
    rows = class_table(cells, FOUND, NAMES, Rule())
    assert rows.empty
    assert collapsed(rows).empty
    assert classes_section(rows) is None


def test_what_used_target_labels_is_printed_with_the_word():
    cheats = cell("coral", gain=-4.0, flag="inconclusive", uses_target_labels=True, variant="weight=2")
    shown = classes_section(class_table(table(cheats), FOUND, NAMES, Rule())).shown
    assert set(shown["method"]) == {"ORACLE coral weight=2"}
    honest = cell("coral", gain=-4.0, flag="inconclusive", variant="weight=2")
    assert set(classes_section(class_table(table(honest), FOUND, NAMES, Rule())).shown["method"]) == {"coral weight=2"}
