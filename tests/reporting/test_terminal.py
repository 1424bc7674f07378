"""Words of the leaderboard in the terminal that a whole sweep seldom prints."""

from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from tests.findings.tables import cell, evidence, table
from tlbench.findings.overview import overview
from tlbench.reporting.terminal import print_leaderboard


def printed(cells, classes):
    screen = StringIO()
    print_leaderboard(evidence(cells, classes=classes), Console(file=screen, width=200))
    return screen.getvalue()


@pytest.mark.parametrize(("uses", "name"), [(True, "ORACLE dann weight=2"), (False, "dann weight=2")])
def test_a_class_that_collapses_is_told_with_the_method_as_tables_print_it(uses, name):
    own = cell(gain=1.0, flag="inconclusive", uses_target_labels=uses, variant="weight=2", n_tests=1)
    lost = table({**own, "class": "owl", "class_gain": -7.25, "class_flag": "negative"})
    assert f"  class owl of {name} on a-b: -7.2" in printed(table(own), lost)


def test_the_warning_stands_below_the_flag():
    own = table(
        cell(gain=1.0, flag="inconclusive", n_tests=1, warning=0.716), cell("mmd", gain=2.0, flag="positive", n_tests=1)
    )
    lines = printed(own, pd.DataFrame()).splitlines()
    (line,) = [i for i, text in enumerate(lines) if "+1.0 ± 1.0 ○" in text]
    assert lines[line + 1].split("│")[2].strip() == "P(hurts) 0.72"
    assert lines[line + 1].split("│")[3].strip() == ""
    assert "P(hurts)" not in printed(own.assign(warning=float("nan")), pd.DataFrame())


def test_what_hurt_is_told_as_the_page_tells_it():
    own = table(cell(gain=-3.0, flag="negative", n_tests=1), cell("mmd", hole="2 of 3 seeds", n_tests=1))
    why = pd.DataFrame([{"cell_key": "dann/a-b", "cause": "method", "evidence": "another one gains."}])
    found, screen = evidence(own, why=why, n_older=4), StringIO()
    print_leaderboard(found, Console(file=screen, width=200))
    first, text = overview(found), screen.getvalue()
    assert "negative transfer: 1 of 1 cells" in text
    assert f"  dann on {first.negative[0].text}\n    method: another one gains.\n" in text
    assert "not complete: 1 of 2 cells\n  mmd on a-b, p: 2 of 3 seeds\n  4 runs of an older version" in text
