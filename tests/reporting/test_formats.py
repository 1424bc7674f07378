"""Formats pass names on as names."""

import pytest

from tests.findings.tables import cell, evidence, table
from tlbench.reporting.analysis import Analysis
from tlbench.reporting.formats import to_markdown


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "</table><script>x</script>", "<!-- a", "<?php"])
def test_html_in_a_name_is_no_element_of_markdown(name):
    cells = table(
        *(cell(method, gain=g, n_tests=1, p=0.5, flag="inconclusive") for method, g in ((name, 1.0), ("n < 3 <", -1.0)))
    )
    text = to_markdown(Analysis(evidence(cells)))
    assert name not in text
    assert name.replace("<", "&lt;") in text
    assert "n < 3 <" in text
