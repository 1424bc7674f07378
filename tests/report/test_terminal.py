"""Words of the leaderboard in the terminal that a whole sweep seldom prints."""

from io import StringIO
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console

from tests.findings.tables import cell, table
from tlbench.findings.rule import Rule
from tlbench.report.terminal import print_leaderboard


def printed(cells, collapsed):
    nothing = pd.DataFrame(columns=["cell_key", "cause", "evidence"])
    found = SimpleNamespace(cells=cells, rule=Rule(), causes=nothing, collapsed=collapsed, n_unfinished=0, notes=[])
    screen = StringIO()
    print_leaderboard(found, Console(file=screen, width=200))
    return screen.getvalue()


@pytest.mark.parametrize(("uses", "name"), [(True, "ORACLE dann [weight=2]"), (False, "dann [weight=2]")])
def test_a_class_that_collapses_is_told_with_the_method_as_tables_print_it(uses, name):
    own = cell(gain=1.0, flag="inconclusive", uses_target_labels=uses, variant="weight=2", n_tests=1)
    lost = table({**own, "class": "owl", "class_gain": -7.25, "class_flag": "negative"})
    assert f"  class owl of {name} on a-b: -7.2" in printed(table(own), lost)
