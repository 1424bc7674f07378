import pandas as pd
import pytest

from tests.findings.tables import evidence, table
from tests.findings.test_many_targets import cells
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.targets_section import targets_of


def test_what_is_printed_of_each_method():
    section = targets_of(evidence(table(*cells())))
    assert section.shown.iloc[0].to_dict() == {
        "method": "dann", "targets": "6", "mean gain": "+0.5 ± 3.8", "worst target": "t4: -6.0 ± 4.5", "harmed ▼": "1",
        "helped ▲": "2", "gain below 0": "2", "mean accuracy": "70.5", "worst accuracy": "64.0",
    }  # fmt: skip
    assert section.data["worst_gain"].tolist() == [-6.0]
    assert "with probability 95 % no target is called harmed that is not" in section.words[0]
    assert section.words[1] == "d · protocol p · backbone b · classifier k."


def test_several_blocks_are_named_in_the_table():
    other = [{**row, "backbone": "lenet"} for row in cells()]
    section = targets_of(evidence(table(*cells(), *other)))
    assert [title.split(" · ")[2] for title in section.shown["of"]] == ["backbone b", "backbone lenet"]
    assert len(section.words) == 1


def test_under_another_correction_another_thing_is_certain():
    from dataclasses import replace

    found = evidence(table(*cells()))
    section = targets_of(replace(found, rule=Rule(correction="bh", alpha=0.1)))
    assert "of all flags at most 10 % are expected to be wrong" in section.words[0]


@pytest.mark.parametrize("made", [table(*cells()[:5]), pd.DataFrame()])
def test_no_section_without_many_targets(made):
    assert targets_of(evidence(made)) is None
