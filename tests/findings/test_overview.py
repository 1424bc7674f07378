import numpy as np
import pandas as pd
import pytest

from tests.findings.tables import cell, evidence, run, table
from tlbench.findings.overview import at_a_glance, overview
from tlbench.reporting.words import glance_texts

CELLS = [
    cell("source_only", "a-b"), cell("source_only", "b-a"),
    cell("dann", "a-b", gain=-3.0, flag="negative", p_corrected=0.004), cell("dann", "b-a", gain=2.0, flag="positive"),
    cell("coral", "a-b", gain=0.5, flag="no_effect"), cell("coral", "b-a", gain=4.0, flag="inconclusive"),
    cell("mmd", "a-b", gain=1.0, flag="inconclusive"), cell("mmd", "b-a", hole="2 of 3 seeds"),
]  # fmt: skip


def found(*cells, causes=(), runs=(), **more):
    why = pd.DataFrame(list(causes), columns=["cell_key", "cause", "evidence"])
    bad = table(*runs) if runs else pd.DataFrame(columns=["status", "reason", "run_key"])
    return evidence(table(*cells), bad, why, **more)


def test_the_headline_counts_flags_of_methods_that_have_a_gain():
    first = overview(found(*CELLS))
    assert first.headline.startswith("Of 5 comparisons")
    assert "helped in 1, hurt in 1 and made no difference in 1; in 2 the runs cannot tell" in first.headline
    alone = overview(found(*CELLS[:2]))
    assert alone.headline.startswith("No method has a gain yet")


def test_a_line_says_where_how_much_how_sure_and_why():
    first = overview(found(*CELLS, causes=[("dann/a-b", "data", "far")]))
    (hurt,) = first.negative
    assert (hurt.method, hurt.cause) == ("dann", "data")
    assert hurt.text == "a-b: -3.0 ± 1.0 points over source_only (3 seeds, corrected p = 0.004)"
    assert [told.method for told in first.positive] == ["dann"]
    (warned,) = overview(found(cell("dann", "a-b", gain=-3.0, flag="negative", warning=0.716))).negative
    assert warned.text.endswith("(3 seeds, corrected p = 0.01, P(hurts) 0.72)")


def test_places_are_named_by_what_differs():
    several = [*CELLS, cell("dann", "a-b", gain=-1.0, flag="negative", protocol="q", cell_key="other")]
    assert [told.text.split(":")[0] for told in overview(found(*several)).negative] == ["a-b, p", "a-b, q"]


def test_methods_at_a_glance_are_sorted_and_a_missing_pair_leaves_no_mean():
    seen = at_a_glance(pd.DataFrame(CELLS[2:])).set_index("method")
    assert seen.index.tolist() == ["coral", "dann", "mmd"]
    assert seen["gain"].tolist() == pytest.approx([2.25, -0.5, np.nan], nan_ok=True)
    assert seen.loc["dann", ["positive", "negative", "no_effect", "inconclusive"]].tolist() == [1, 1, 0, 0]
    texts = glance_texts(seen.reset_index())
    assert texts.columns.tolist() == [
        "method", "▲ helped", "▼ hurt", "≈ no difference", "○ cannot tell", "of pairs", "mean gain (points)", "over"]  # fmt: skip
    assert texts["over"].unique().tolist() == ["source_only"]
    assert texts["mean gain (points)"].tolist() == ["+2.2", "-0.5", "–"]


def test_gains_over_one_reference_stand_together_and_methods_without_any_at_the_end():
    over = {"reference": "target_only", "protocol": "q"}
    rows = [*CELLS[4:6], cell("dann", "a-b", gain=9.0, flag="positive", **over), cell("jan", "a-b", hole="no seed")]
    seen = at_a_glance(pd.DataFrame(rows))
    assert seen["over"].tolist() == ["source_only", "target_only", ""]


def test_a_method_of_two_protocols_is_two_rows():
    rows = at_a_glance(pd.DataFrame([*CELLS[2:4], cell("dann", "a-b", gain=9.0, flag="positive", protocol="q")]))
    assert rows["method"].tolist() == ["dann, q", "dann, p"]


def test_what_is_missing_has_its_reason():
    bad = [run(status="failed", reason="Diverged", seed=s) for s in (0, 1)]
    first = overview(found(*CELLS, runs=bad, n_older=4, unfinished=7))
    assert first.missing[0] == "mmd on b-a, p: 2 of 3 seeds"
    assert first.missing[1] == "2 failed: Diverged"
    assert [text.split(" ")[0] for text in first.missing[2:]] == ["7", "4"]


def test_facts_say_what_was_run():
    facts = dict(overview(found(*CELLS)).facts)
    assert facts["data"] == "d, source-target a-b, b-a"
    assert (facts["methods"], facts["references"], facts["seeds"]) == ("dann, coral, mmd", "source_only", "3")
    assert facts["checkpoint"] == "last (the end of the run)"
    many = [cell("dann", f"{s}-{t}", gain=0.0) for s in "abc" for t in "abc" if s != t]
    assert dict(overview(found(*many)).facts)["data"] == "d, 6 source-target pairs of a, b, c"


def test_an_empty_store_says_so():
    assert overview(found()).headline == "The store holds no runs."


def test_gains_of_the_first_figure_stand_in_the_order_of_the_methods():
    first = overview(found(*CELLS))
    assert first.gains.columns.tolist() == ["method", "pair", "gain", "flag"]
    assert first.gains["method"].tolist() == ["coral", "coral", "dann", "dann", "mmd"]  # no reference, no hole
    assert first.gains["gain"].tolist() == [0.5, 4.0, -3.0, 2.0, 1.0]
    several = overview(
        found(*CELLS[:4], cell("dann", "a-b", gain=9.0, flag="positive", protocol="q", cell_key="other"))
    )
    assert set(several.gains["method"]) == {"dann, p", "dann, q"}
