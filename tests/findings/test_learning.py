import numpy as np
import pandas as pd
import pytest

from tests.findings.tables import run, table
from tlbench.errors import TlbenchError
from tlbench.findings.learning import score_table, term_table

POINTS = pd.DataFrame(
    {"run_key": ["k", "k", "x"], "step": [20, 10, 10], "oracle_score": [0.5, 0.75, 0.1], "source_val": [0.9, 0.8, 0.2],
     "im": [-1.0, -2.0, 0.0], "snd": [np.nan, np.nan, 3.0]}
)  # fmt: skip
RUNS = table(
    *(run(run_key="k", selection=s, step=t) for s, t in {"last": 20, "oracle": 10, "source_val": 20, "im": 20}.items())
)


def test_each_rule_has_its_scores_and_the_checkpoint_that_it_picked():
    found = score_table(POINTS, RUNS, "k")
    rows = {rule: own[["step", "score", "kind", "chosen"]].to_numpy().tolist() for rule, own in found.groupby("rule")}
    assert rows["oracle"] == [[10, 75, "score", True], [20, 50, "score", False]]
    assert rows["source_val"] == [[10, 80, "score", False], [20, 90, "score", True]]
    assert rows["im"] == [[10, -2, "validator", False], [20, -1, "validator", True]]
    assert found[found["rule"] == "last"]["chosen"].tolist() == [False, True]
    assert set(rows) == {"oracle", "source_val", "im", "last"}  # snd could say nothing of this run
    with pytest.raises(TlbenchError, match="no checkpoints"):
        score_table(POINTS, RUNS, "y")


def test_terms_are_means_of_neighbouring_steps():
    history = pd.DataFrame(
        [(s, n, float(10 * (n == "b") + s)) for s in range(5) for n in "ab"], columns=["step", "name", "value"]
    )
    assert term_table(history)["value"].tolist() == [0, 10, 1, 11, 2, 12, 3, 13, 4, 14]
    short = term_table(history, most=3)
    assert short[short["name"] == "b"].to_numpy().tolist() == [["b", 0.5, 10.5], ["b", 2.5, 12.5], ["b", 4, 14]]
    assert term_table(history[:0]).empty
