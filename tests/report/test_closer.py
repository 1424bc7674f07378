import pandas as pd

from tests.report.tables import cell, table
from tlbench.report.closer import LOOKED_AT, worst

CLASSES = pd.DataFrame(
    [{"cell_key": "coral/a-b", "class_flag": "negative"}, {"cell_key": "mmd/a-b", "class_flag": "inconclusive"}]
)


def test_flagged_cells_come_first_then_those_with_a_class_that_loses():
    cells = table(
        cell("source_only"), cell("coral", gain=3.0, flag="positive"), cell("mmd", gain=-9.0, flag="inconclusive"),
        cell("dann", gain=-2.0, flag="negative"), cell("jan", gain=-4.0, flag="negative"),
    )  # fmt: skip
    assert worst(cells, CLASSES)["method"].tolist() == ["jan", "dann", "coral"]


def test_no_more_than_a_few_and_none_without_a_loss():
    lost = table(*[cell(f"m{i}", gain=-float(i), flag="negative") for i in range(1, 6)])
    assert worst(lost, CLASSES[:0])["method"].tolist() == ["m5", "m4", "m3"][:LOOKED_AT]
    assert worst(table(cell("mmd", gain=-9.0, flag="inconclusive")), CLASSES).empty
    assert worst(lost[:0], CLASSES).empty
