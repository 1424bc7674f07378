import pandas as pd
import pytest

from tests.findings.tables import cell, run, table
from tests.findings.test_cause_order import RULE, causes_in, distances
from tlbench.findings.causes import causes
from tlbench.reporting.sections.causes_section import causes_section
from tlbench.store.runs import RunStore


def test_nothing_that_hurts_has_no_section(tmp_path):
    assert causes_section(causes_in(tmp_path, [cell(gain=2.0, flag="positive")], [distances()])) is None
    assert (
        causes_section(causes(pd.DataFrame(), table(run()), table(distances()), RunStore(tmp_path / "s"), RULE)) is None
    )
    made = causes_section(causes_in(tmp_path, [cell(gain=-2.04, flag="negative", variant="w=2")], [distances()]))
    assert made.shown.iloc[0].tolist()[:6] == ["dann w=2", "d, a-b", "p", "-2.0", "source_only", "undetermined"]
    assert "A-distance 1 or more" in made.words[0]


def test_the_warning_stands_beside_the_gain_where_a_cell_has_one(tmp_path):
    lost, other = cell(gain=-2.0, flag="negative", warning=0.716), cell("mmd", gain=-1.0, flag="negative")
    made = causes_section(causes_in(tmp_path, [lost, other], [distances()]))
    assert made.shown[["gain", "P(hurts)"]].to_numpy().tolist() == [["-2.0", "0.72"], ["-1.0", "–"]]
    assert made.data["warning"].tolist() == pytest.approx([0.716, float("nan")], nan_ok=True)
    assert "P(hurts)" not in causes_section(causes_in(tmp_path, [other], [distances()])).shown


def test_the_shift_stands_beside_the_cause(tmp_path):
    lost = cell(gain=-2.0, flag="negative")
    for kind in ("label", ""):
        made = causes_section(causes_in(tmp_path, [lost], [{**distances(), "oracle_shift": kind}]))
        assert made.shown["shift (ORACLE)"].tolist() == [kind]
        assert made.data["shift"].tolist() == [kind]
    assert causes_section(causes_in(tmp_path, [lost], [])).shown["shift (ORACLE)"].tolist() == [""]
