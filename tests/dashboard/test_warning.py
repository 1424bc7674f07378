"""The warning in the app: beside the flag, under the filters, and its score."""

import shutil

import numpy as np
import pandas as pd
import pytest

from tests.dashboard.stores import add_warnings, sweep
from tests.dashboard.test_app import frames, texts
from tests.findings.tables import cell, run, table
from tlbench.dashboard.views.tables import cell_rows, run_rows
from tlbench.dashboard.views.warning_view import of_runs
from tlbench.findings.warned_cells import warned
from tlbench.store.runs import RunStore

TITLE = "Would the warning have known?"


@pytest.fixture(scope="module")
def told(small, tmp_path_factory):
    """The small store, whose warnings are 0.9 where it hurt and 0.2 where it did not, less a hundredth of the seed."""
    root = tmp_path_factory.mktemp("warned") / "runs"
    shutil.copytree(small, root)
    add_warnings(root, lambda gain: 0.9 if gain["gain"] < 0 else 0.2)
    return root


def said(root):
    """Method and pair to the warnings of its runs."""
    found, store = {}, RunStore(root)
    for record in map(store.record, store.run_keys()):
        for told in record.get("warnings", []) if record["status"] == "done" else ():
            if told["step"] == record["selections"]["last"]["step"]:
                found.setdefault((record["method"], record["pair"]), []).append(told["warning"]["probability"])
    return found


def headings(page):
    return [header.value for header in page.subheader]


def test_it_stands_beside_the_flag_of_cells_and_under_their_filters(told, app):
    rows = frames(app(told, view="cells"))[0]
    assert rows.columns[rows.columns.get_loc("flag") + 1] == "P(hurts)"
    assert rows.loc[rows["method"] == "source_only", "P(hurts)"].tolist() == ["–", "–"]
    known = rows[rows["P(hurts)"] != "–"].set_index(["method", "pair"])["P(hurts)"]
    assert known.to_dict() == {place: f"{np.mean(values):.2f}" for place, values in said(told).items()}
    (one,) = frames(app(told, view="cells", method="pca", pair="photo-printed"))[0]["P(hurts)"]
    assert one == known["pca", "photo-printed"]


def test_a_run_has_its_own(told, app):
    key = next(
        k for k in RunStore(told).run_keys() if (r := RunStore(told).record(k))["method"] == "pca" and r["seed"] == 1
    )
    (row,) = frames(app(told, view="run", run=key))[0].to_dict("records")
    assert row["P(hurts)"] == ("0.89" if row["gain"].startswith("-") else "0.19")
    assert row["flag"].split(" ", 1)[1] in ("negative", "positive", "no effect", "inconclusive")


def test_the_first_view_scores_it_or_says_why_not(told, app, monkeypatch):
    page = app(told)
    assert TITLE in headings(page)
    assert "4 cells have a warning; below 10 nothing is said" in texts(page)
    assert "uses no target label. Its score here does" in texts(page)
    monkeypatch.setattr("tlbench.findings.warned_cells.FEWEST_CELLS", 2)
    page = app(told, pair="photo-printed")
    assert "2 cells on 1 pair, 1 of them hurt. Fewer than 8 pairs have no interval. Model: v1." in texts(page)
    (shown,) = [frame for frame in frames(page) if "measure" in frame]
    assert shown.set_index("measure").loc["AUROC", "value"] == "1.00"


def test_very_many_runs_have_means_and_a_score_too(told, app, monkeypatch):
    monkeypatch.setattr("tlbench.dashboard.views.gate.FAST", 1)
    page = app(told)
    assert TITLE in headings(page)
    means = frames(page)[0]
    assert means.loc[means["method"] == "source_only", "mean_warning"].isna().all()
    assert means["mean_warning"].notna().sum() == 4


def test_a_store_without_any_has_no_word_of_it(tmp_path, app):
    small = tmp_path / "runs"
    sweep(small, "pair=P-H", "method=pca", "seed=0,1", "validators=0")
    for view in ("overview", "cells", "run"):
        page = app(small, view=view)
        assert TITLE not in headings(page)
        assert all("P(hurts)" not in frame for frame in frames(page))


def test_cells_of_runs_are_their_means():
    rows = table(
        run(seed=0, gain=-2.0, warning=0.8, reference="x"), run(seed=1, gain=-4.0, warning=0.6, reference="x"),
        run("source_only", warning=None), run("coral", gain=1.0, warning=None), run("mmd", status="failed", warning=None),
    )  # fmt: skip
    (one,) = warned(of_runs(rows)).to_dict("records")
    assert (one["method"], one["gain"], one["warning"], one["n_seeds"]) == ("dann", -3.0, pytest.approx(0.7), 2)


def test_tables_have_the_column_where_a_row_has_one():
    cells = table(cell(gain=-1.0, flag="negative", warning=0.716), cell("mmd", gain=1.0, flag="inconclusive"))
    assert cell_rows(cells)["P(hurts)"].tolist() == ["0.72", "–"]
    assert "P(hurts)" not in cell_rows(cells[1:])
    assert cell_rows(pd.DataFrame(columns=cells.columns)).empty
    blank = {"gain_low": np.nan, "gain_high": np.nan, "gain_p": np.nan, "reference": None}
    runs = table(run(gain_flag="no_effect", warning=0.25, **blank), run(seed=1, gain_flag=None, warning=None, **blank))
    assert run_rows(runs)[["flag", "P(hurts)"]].to_numpy().tolist() == [["≈ no effect", "0.25"], ["", "–"]]
    assert "P(hurts)" not in run_rows(runs[1:])
