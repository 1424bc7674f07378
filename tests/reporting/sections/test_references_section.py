import pandas as pd

from tests.findings.test_references import CELLS, store
from tlbench.findings.references import other_gains
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.references_section import references_section


def test_words(tmp_path):
    found, runs = store(tmp_path)
    made = references_section(other_gains(CELLS, runs, found, Rule()), Rule())
    (row,) = made.shown.to_dict("records")
    assert row["method"] == "dann"
    assert row["over source_only"].startswith("+30.0 ±")
    assert row["over both"].endswith("○")
    assert "1 over source_only, 1 over both" in made.words[0]


def test_a_reference_that_is_gone_and_cells_with_one_reference_have_no_rows(tmp_path):
    found, runs = store(tmp_path)
    left = other_gains(CELLS, runs[~runs["run_key"].str.startswith("both")], found, Rule())
    assert left["reference"].tolist() == ["source_only"]
    (tmp_path / "one").mkdir()
    found, runs = store(tmp_path / "one", names=())
    assert references_section(other_gains(CELLS, runs, found, Rule()), Rule()) is None
    assert references_section(other_gains(pd.DataFrame(), runs, found, Rule()), Rule()) is None
    assert references_section(other_gains(CELLS.assign(hole="2 of 3 seeds"), runs, found, Rule()), Rule()) is None
