"""What a report says of a store beside its numbers."""

import pandas as pd

from tlbench.findings.notes import checks, notes
from tlbench.store.table import Checked, Tables

NOTHING = pd.DataFrame()


def tables(runs=(), **more):
    columns = ["run_key", "status", "method", "method_revision", "method_code"]
    rows = pd.DataFrame(list(runs), columns=columns).assign(harness=more.pop("harness", 2))
    return Tables(rows, NOTHING, NOTHING, NOTHING, more.pop("n_older", 0), **more)


def test_a_sound_store_has_no_notes():
    rows = [
        ("a", "done", "dann", 1, "x"),
        ("b", "done", "dann", 2, "y"),
        ("c", "done", "coral", 1, "z"),
        ("d", "failed", "dann", 1, "y"),
    ]
    assert notes(tables(rows)) == []


def test_runs_of_one_revision_by_two_codes_are_told():
    rows = [("a", "done", "dann", 1, "x"), ("b", "done", "dann", 1, "y"), ("c", "done", "coral", 1, None)]
    (note,) = notes(tables(rows))
    assert note.startswith("The runs of dann, revision 1, were made by 2 versions of its code.")


def test_damaged_runs_are_named_and_those_that_failed_for_it_stand_elsewhere():
    rows = [("a", "failed", "dann", 1, "x")]
    (note,) = notes(tables(rows, damaged={"a": "torn", **{f"k{i}": "edited" for i in range(7)}}))
    assert note.startswith("7 runs are damaged and left out")
    assert "k4: edited" in note
    assert note.endswith("; and 2 more")


def test_whether_predictions_were_looked_at_is_said():
    assert "were not compared" in checks(tables())
    looked = tables(checked=Checked(7, 2, 0.25))
    assert checks(looked) == "Predictions of 7 runs were compared with their checksums; 2 have none to compare with."
    assert "in 0.2 s" in checks(looked, timed=True)


def test_runs_of_two_revisions_of_the_harness_are_told():
    rows = [("a", "done", "dann", 1, "x"), ("b", "done", "dann", 1, "x"), ("c", "done", "dann", 1, "x")]
    (note,) = notes(tables(rows, harness=[None, 2, 2]))
    assert "2 revisions of the harness (1 by 1, 2 by 2)" in note
