"""Formats pass names on as names."""

import pytest

from tests.findings.tables import cell, evidence, run, table
from tlbench.reporting.analysis import Analysis
from tlbench.reporting.formats import to_latex, to_markdown
from tlbench.reporting.html import to_html

SPENT = {"train_seconds": 1.0, "peak_memory_mb": 1.0}
RUNS = table(*(run(name, seed=i, gain=g, **SPENT) for name, g in (("coral", -3.0), ("dann", 2.0)) for i in range(3)))
FORMATS = {
    "markdown": (to_markdown, "60.0 ± 2.5 · -3.0 ± 1.0 ▼ · P(hurts) 0.72 | 60.0 ± 2.5 · +2.0 ± 1.0 ▲ |"),
    "latex": (
        to_latex,
        r"\textit{$-$3.0 $\pm$ 1.0 $\blacktriangledown$}, P(hurts) 0.72) & \textbf{60.0 $\pm$ 2.5} (+2.0",
    ),
    "html": (
        lambda found: to_html(found, {}),
        '<small class="negative">-3.0 ± 1.0 ▼</small><small>P(hurts) 0.72</small></td>',
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_warning_stands_behind_the_flag_and_is_explained(name):
    write, wanted = FORMATS[name]
    told = cell("coral", gain=-3.0, flag="negative", warning=0.716, n_tests=2)
    cells = table(told, cell("dann", gain=2.0, flag="positive", n_tests=2)).assign(draws=True)
    text = write(Analysis(evidence(cells, RUNS)))
    assert wanted in text
    assert "made without any target label" in text
    without = write(Analysis(evidence(cells.assign(warning=float("nan")), RUNS)))
    assert "P(hurts)" not in without


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "</table><script>x</script>", "<!-- a", "<?php"])
def test_html_in_a_name_is_no_element_of_markdown(name):
    cells = table(
        *(cell(method, gain=g, n_tests=1, p=0.5, flag="inconclusive") for method, g in ((name, 1.0), ("n < 3 <", -1.0)))
    )
    text = to_markdown(Analysis(evidence(cells)))
    assert name not in text
    assert name.replace("<", "&lt;") in text
    assert "n < 3 <" in text
