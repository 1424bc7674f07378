import numpy as np
import pandas as pd
import pytest

from tests.reproduce.test_decompose import scores
from tlbench.reproduce.claimed_table import (
    DEVIATES,
    INCOMPLETE,
    NOT_PUBLISHED,
    OPEN,
    WITHIN,
    compare,
    succeeded,
    verdicts,
)
from tlbench.reproduce.claims import judge_claims
from tlbench.reproduce.decompose import decompose
from tlbench.reproduce.page import Results, page
from tlbench.reproduce.published_gains import beside
from tlbench.reproduce.recipe import Claim, Paper

NEAR = {"average": 1.0, "cell": 3.0, "share": 0.5, "why": "other draws"}


def paper(**rows):
    of = {"set": ["method=source_only"], "page": "table 1"}
    rows = rows or {"A": {"published": "a", "tolerance": NEAR}, "B": {"published": None}}
    return Paper.model_validate({
        "title": "T", "link": "https://x", "citation": "C", "protocol": "P", "needs": {"data": ["d"], "minutes": 1},
        "expected": "", "common": ["seed=0,1"], "parts": {"one": []}, "departures": [],
        "rows": {name: {**of, **row} for name, row in rows.items()},
    })  # fmt: skip


def runs(**scores):
    """row=[[scores of the seeds of a pair], ...]"""
    return pd.DataFrame([{"row": row, "part": "one", "pair": f"p{i}", "seed": seed, "score": value}
                         for row, pairs in scores.items() for i, seeds in enumerate(pairs)
                         for seed, value in enumerate(seeds)])  # fmt: skip


def claims(*values, average=None, row="a"):
    found = [{"row": row, "part": "one", "pair": f"p{i}", "value": v, "sd": 1.5, "runs": 20, "verified_by": ""}
             for i, v in enumerate(values)]  # fmt: skip
    if average is not None:
        found.append(
            {"row": row, "part": "", "pair": "average", "value": average, "sd": np.nan, "runs": 20, "verified_by": ""}
        )
    return pd.DataFrame(found)


def cell(table, row="A", pair="p0"):
    (found,) = table[(table["row"] == row) & (table["pair"] == pair)].to_dict("records")
    return found


def test_a_cell_is_the_mean_over_seeds_beside_what_was_printed():
    table = compare(runs(A=[[50, 70, 90], [20, 20, 20]], B=[[1, 2, 3], [4, 5, 6]]), claims(68, 20), paper())
    got = cell(table)
    assert (got["got"], got["got_sd"], got["n"], got["published"], got["published_sd"]) == (70, 20, 3, 68, 1.5)
    assert got["difference"] == 2
    assert np.isnan(cell(table, "B")["published"])
    assert (cell(table, pair="average")["got"], cell(table, pair="average")["published"]) == (45, 44)


def test_the_printed_average_counts_where_the_whole_row_was_run():
    whole, part = runs(A=[[70], [20]]), runs(A=[[70]])
    assert cell(compare(whole, claims(68, 20, average=47), paper()), pair="average")["published"] == 47
    assert cell(compare(part, claims(68, 20, average=47), paper()), pair="average")["published"] == 68


def test_a_run_that_is_not_there_leaves_no_mean():
    table = compare(runs(A=[[70, np.nan], [20, 20]]), claims(68, 20), paper())
    assert np.isnan([cell(table)["got"], cell(table, pair="average")["got"]]).all()
    assert verdicts(table, paper())["A"].word == INCOMPLETE
    assert not succeeded(verdicts(table, paper()))


@pytest.mark.parametrize(
    ("got", "word"),
    [
        ([[53.0], [20.0]], DEVIATES),  # the average is 1.5 off, half of the pairs are near
        ([[51.0], [21.0]], WITHIN),  # average 1, pairs 1
        ([[53.0], [17.0]], WITHIN),  # 3 is within 3
        ([[53.1], [17.0]], WITHIN),  # one of two is enough
        ([[53.1], [16.9]], DEVIATES),  # average fine, no pair is
    ],
)
def test_verdicts(got, word):
    found = verdicts(compare(runs(A=got), claims(50, 20), paper()), paper())
    assert found["A"].word == word
    assert succeeded(found) == (word == WITHIN)


def test_rows_without_a_tolerance_or_a_claim_fail_nothing():
    free = paper(A={"published": "a"}, B={"published": None})
    found = verdicts(compare(runs(A=[[99.0]], B=[[1.0]]), claims(50), free), free)
    assert (found["A"].word, found["B"].word, succeeded(found)) == (OPEN, NOT_PUBLISHED, True)


def test_gains_as_published_and_matched_stand_beside_each_other():
    two = paper(A={"published": "a"}, B={"published": "b", "over": "A"})
    claim = {"text": "B wins", "page": "p. 3", "kind": "above", "row": "B", "over": "A", "parts": ["one"]}
    two = two.model_copy(update={"claims": [Claim.model_validate(claim)]})
    scored = runs(A=[[40.0], [50.0]], B=[[60.0], [60.0]])
    scored["trial"] = ["", "", "method.weight=2", "method.weight=2"]
    table = compare(scored, pd.concat([claims(38, 50), claims(61, 61, row="b")]), two)
    gains = pd.DataFrame([
        {"row": "B", "part": "one", "pair": f"p{i}", "reference": "source_only", "gain": g, "gain_half": 1.0,
         "p_corrected": 0.01, "flag": flag, "hole": ""} for i, (g, flag) in enumerate([(4.0, "positive"), (-1.0, "negative")])
    ])  # fmt: skip
    (row,) = beside(table, gains, two).to_dict("records")
    assert (row["row"], row["published_gain"], row["got_gain"], row["matched_gain"]) == ("B", 17, 15, 1.5)
    assert (row["positive"], row["negative"], row["n_pairs"]) == (1, 1, 2)
    status = {"date": "d", "code": {"version": "1", "commit": None}, "versions": {"numpy": "2"}, "runs": 4, "seconds": 1.0,
              "hardware": {"cpu": "c", "gpu": None, "cores": 2}}  # fmt: skip
    said = judge_claims(scored, two.claims, 0.05)
    parts = decompose(scores(A=[[(40, 40, 40)], [(50, 50, 50)]], B=[[(60, 58, 54)], [(60, 61, 57)]]), two)
    results = Results(scored, table, verdicts(table, two), gains, said, parts)
    text = page("x", two, results, beside(table, gains, two), status)
    assert "| p0 | 38 → 40.00 | 61 → 60.00 |" in text
    assert "| **average** | 44.00 → 45.00 | 61.00 → 60.00 |" in text
    assert "| B | A | +17.0 | +15.0 | +1.5 | 1 | 1 | 2 |" in text
    assert "| B | p1 | -1.0 ± 1.0 ▼ over source_only | 0.01 |" in text
    assert "| p1 | -1.0 ± 1.0 ▼ |" in text
    assert "* B, `method.weight=2`: p0, p1" in text
    assert "| B wins (p. 3) | B over A | one | +15.0 [-48.5, +78.5], 2 pairs | noise could explain either |" in text
    assert "| B | A | +15.0 | +4.0 | +10.5 | +0.5 |" in text
    assert "tlbench reproduce x" in text
