import pandas as pd

from tests.findings.test_matched import MATCHED, RUNS, found, matched_cell, reference
from tlbench.findings.matched import unmatched
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.unmatched_section import unmatched_section


def test_words():
    made = unmatched_section(found(matched_cell(variant="w=2"), MATCHED, reference()))
    assert made.shown.iloc[0].tolist() == [
        "dann w=2, k", "d, a-b, p", "+1.5 inconclusive", "-11.5 negative", "source_only, svm, b"
    ]  # fmt: skip
    assert unmatched_section(found(matched_cell("negative"), MATCHED, reference())) is None
    assert unmatched_section(unmatched(pd.DataFrame(), RUNS, Rule())) is None
