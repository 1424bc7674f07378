from dataclasses import replace

import pandas as pd

from tests.dashboard.stores import sweep
from tests.findings.tables import cell, table
from tlbench.findings.evidence import gather_evidence
from tlbench.findings.rule import Rule
from tlbench.findings.worst_cells import LOOKED_AT, worst_cells
from tlbench.reporting.sections.worst_cells_section import worst_cells_section
from tlbench.store.runs import RunStore
from tlbench.store.table import read_tables

CLASSES = pd.DataFrame(
    [{"cell_key": "coral/a-b", "class_flag": "negative"}, {"cell_key": "mmd/a-b", "class_flag": "inconclusive"}]
)


def said(figure):
    return " ".join(figure.get_supxlabel().split())


def test_flagged_cells_come_first_then_those_with_a_class_that_loses():
    cells = table(
        cell("source_only"), cell("coral", gain=3.0, flag="positive"), cell("mmd", gain=-9.0, flag="inconclusive"),
        cell("dann", gain=-2.0, flag="negative"), cell("jan", gain=-4.0, flag="negative"),
    )  # fmt: skip
    assert worst_cells(cells, CLASSES)["method"].tolist() == ["jan", "dann", "coral"]


def test_no_more_than_a_few_and_none_without_a_loss():
    lost = table(*[cell(f"m{i}", gain=-float(i), flag="negative") for i in range(1, 6)])
    assert worst_cells(lost, CLASSES[:0])["method"].tolist() == ["m5", "m4", "m3"][:LOOKED_AT]
    assert worst_cells(table(cell("mmd", gain=-9.0, flag="inconclusive")), CLASSES).empty
    assert worst_cells(lost[:0], CLASSES).empty


def test_what_is_drawn_of_a_cell_that_loses(tmp_path):
    sweep(tmp_path, "pair=P-R", "method=pca", "seed=0,1", "embeddings=20")
    store, rule = RunStore(tmp_path), Rule()
    tables = read_tables(store)
    evidence = gather_evidence(store, tables, rule)
    cells = evidence.cells

    def drawn(chosen):
        found = worst_cells_section(replace(evidence, cells=chosen, classes=CLASSES[:0]))
        return found and {name: draw() for name, draw in found.figures.items()}

    assert drawn(cells.assign(flag="inconclusive")) is None
    figures = drawn(cells.assign(flag="negative"))
    assert list(figures) == ["1_confusions", "1_calibration", "1_features"]  # one checkpoint makes no curve
    assert [text.get_text().split(":")[0] for text in figures["1_calibration"].legends[0].texts] == [
        "pca",
        "source_only",
    ]
    # source_only has no features of its own here
    before, after = [axes.get_xlabel() for axes in figures["1_features"].axes]
    assert before.startswith("t-SNE 1: before training")
    assert "mini_digits, photo-printed, inductive, seed 0." in said(figures["1_features"])
    for name in ("1_confusions", "1_calibration"):
        assert said(figures[name]).startswith("pca on mini_digits, photo-printed, inductive. ")
    assert after.startswith("t-SNE 1: pca, after training")
    for path in tmp_path.glob("**/features.npz"):
        path.unlink()
    assert "1_features" not in drawn(cells.assign(flag="negative"))
