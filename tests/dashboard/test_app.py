"""The app without a browser."""

import shutil

import pytest

from tests.dashboard.stores import EVIL
from tests.support import damage
from tlbench.store.runs import RunStore


def texts(app):
    return " ".join(
        element.value for kind in (app.text, app.markdown, app.info, app.error, app.caption) for element in kind
    )


def query(page, name):
    value = page.query_params[name]
    return value if isinstance(value, str) else value[-1]


def frames(app):
    return [element.value for element in app.dataframe]


def test_first_view_says_what_there_is_and_what_is_missing(small, app):
    page = app(small)
    assert not page.exception
    assert "**12** done · **1** failed · **0** skipped · **1** missing" in texts(page)
    assert "14 runs: 1 data set, 2 pairs" in texts(page)
    assert "12 of 13 runs done, 1 left; about " in texts(page)  # the failed one is in no plan
    failed = frames(page)[-1]
    assert failed["method"].tolist() == [EVIL]
    assert failed["reason"].tolist() == [f"went wrong: {EVIL}"]
    assert all(EVIL not in element.value for kind in (page.markdown, page.caption) for element in kind)


def test_each_filter_changes_what_is_shown_and_the_link(small, app):
    page = app(small, view="cells")
    assert set(frames(page)[0]["pair"]) == {"photo-handwritten", "photo-printed"}
    assert set(frames(page)[0]["over"]) == {"source_only", ""}
    for name, value, n in (("pair", "photo-printed", 3), ("method", "pca", 1)):
        page.multiselect(key=name).set_value([value]).run()
        assert query(page, name) == value
        assert len(frames(page)[0]) == n
    again = app(small, view="cells", pair="photo-printed", method="pca")
    assert frames(again)[0].equals(frames(page)[0])


def test_status_and_sweep_filters(small, app):
    page = app(small, status="failed")
    assert "**0** done · **1** failed" in texts(page)
    page = app(small, sweep="<b>second")
    assert "**3** done · **0** failed · **0** skipped · **1** missing" in texts(page)
    assert page.multiselect(key="sweep").value == ["<b>second"]


def test_tag_filter(small, app):
    page = app(small, tag="first")
    assert page.multiselect(key="tag").options == ["<b>second", "first"]
    assert "**12** done · **1** failed · **0** skipped · **0** missing" in texts(page)
    page.multiselect(key="tag").set_value(["<b>second"]).run()
    assert "**3** done · **0** failed · **0** skipped · **1** missing" in texts(page)
    assert query(page, "tag") == "<b>second"
    # what is analysed together: its runs and the references that they need, not the other plan's
    rows = frames(app(small, view="cells", tag="<b>second"))[0]
    assert len(rows) < len(frames(app(small, view="cells"))[0])
    assert rows["missing"].ne("").sum() == 1
    assert frames(app(small, view="cells", tag="first"))[0]["missing"].str.contains("missing").sum() == 0


def test_a_run_has_maps_of_its_features_and_one_without_says_how_to_keep_some(small, app, tmp_path):
    page = app(small, view="run", method="pca", pair="photo-printed")
    assert not page.exception
    assert page.radio(key="layout").value == "pca"
    page.radio(key="layout").set_value("tsne").run()
    assert not page.exception
    assert "No figure" not in texts(page)
    shutil.copytree(small, tmp_path / "runs")
    for path in (tmp_path / "runs").glob("*/*/features.npz"):
        path.unlink()
    assert "embeddings=300" in texts(app(tmp_path / "runs", view="run", method="pca"))


def test_a_link_that_is_older_than_the_store(small, app):
    """What it asks for and is not there is told: the whole store must not stand for it."""
    page = app(small, pair="gone", method="pca", view="cells")
    assert not page.exception
    assert page.multiselect(key="pair").value == ["gone"]
    assert query(page, "pair") == "gone"
    assert "Pair `gone`: nothing here has it." in page.warning[0].value
    assert "**0** done" in texts(page)
    page = app(small, tag="draft", selection="bogus")
    assert {w.value.split(":")[0] for w in page.warning} == {"Nothing here has the selection `bogus`", "Tag `draft`"}
    assert "Run `none` is not here" in app(small, view="run", run="none").warning[0].value
    store = RunStore(small)
    held = next(key for key in store.run_keys() if store.record(key)["method"] == "pca")
    assert "outside the filters" in texts(app(small, view="run", run=held, method="coral_linear"))


@pytest.mark.parametrize(
    ("file", "said"), [("predictions.parquet", "predictions.parquet is missing"), ("history.parquet", ""),
                       ("config.yaml", "config.yaml is missing or damaged")],
)  # fmt: skip
def test_a_run_that_lacks_a_file_costs_the_page_no_more(small, app, tmp_path, file, said):
    root = tmp_path / "runs"
    shutil.copytree(small, root)
    key = next(k for k in RunStore(root).run_keys() if RunStore(root).record(k)["method"] == "pca")
    damage(RunStore(root), key, file, None)
    page = app(root, view="run", run=key)
    assert not page.exception
    assert not page.error
    assert said in texts(page)
    assert "Config" in [header.value for header in page.subheader]
    assert "What hurt, and why" in [header.value for header in app(root).subheader]


def test_from_a_cell_to_its_run_to_its_examples(small, app):
    page = app(small, view="cells", method="coral_linear", pair="photo-printed")
    run = page.selectbox(key="run").value
    next(button for button in page.button if button.label == "Open this run").click().run()
    assert not page.exception
    assert query(page, "view") == "run"
    assert page.selectbox(key="run").value == run
    record = RunStore(small).record(run)
    gain = record["selections"]["last"]["gains"][record["reference"]]
    lost, won = (int(option.split("(")[1].rstrip(")")) for option in page.radio(key="change").options)
    assert 100 * (won - lost) / record["sizes"]["target_test"] == pytest.approx(gain["gain"])
    assert page.selectbox(key="other").value == gain["run_key"]
    config = next(frame for frame in frames(page) if list(frame.columns) == ["key", "this run", "the other"])
    assert "method.name" in config["key"].tolist()


def test_oracle_is_never_without_its_word(small, app):
    page = app(small, view="cells", selection="oracle", method="pca")
    assert "ORACLE" in page.warning[0].value
    assert frames(page)[1]["selection"].str.startswith("ORACLE").all()


def test_two_methods_and_two_sweeps(small, app):
    page = app(small, view="compare", kind="method", first="coral_linear", second="source_only")
    table = frames(page)[0]
    assert len(table) == 2
    assert table["gain of first"].tolist() == [text.split(" ±")[0] for text in table["difference"]]
    page.selectbox(key="kind").set_value("sweep").run()
    assert not page.exception
    assert set(frames(page)[0]["better beyond noise"]) == {"same runs"}


def test_a_failed_run_says_why(small, app):
    page = app(small, view="run", status="failed")
    assert not page.exception
    assert f"failed: went wrong: {EVIL}" in texts(page)


def test_empty_store(tmp_path, app):
    for view in ("overview", "cells", "compare", "run"):
        page = app(tmp_path, view=view)
        assert not page.exception
        assert "**0** done" in texts(page)
    assert "holds no runs" in texts(app(tmp_path))


def test_a_damaged_record_is_one_message(tmp_path, app):
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "record.json").write_text("{")
    page = app(tmp_path)
    assert not page.exception
    assert "is damaged" in texts(page)


def test_nothing_is_shown_without_the_token(small, app):
    for given in ({}, {"token": "wrong"}, {"token": "rïght"}):
        page = app(small, wanted="right", **given)
        assert "needs the token" in texts(page)
        assert not page.dataframe
        assert not page.multiselect
    page = app(small, wanted="right", token="right", view="cells")
    assert "**12** done" in texts(page)
    assert query(page, "token") == "right"


def test_cells_have_a_column_for_each_setting_that_varies_and_stand_against_it(small, app):
    page = app(small, view="cells", pair="photo-printed")
    rows = frames(page)[0]
    assert rows.loc[rows["method"] == "pca", "method.dim"].tolist() == ["100"]
    assert rows.loc[rows["method"] == "coral_linear", "method.dim"].tolist() == [""]
    assert "optim.lr" not in rows
    assert page.selectbox(key="scatter_x").options[0].startswith("method.")
    page.selectbox(key="scatter_x").set_value("seconds").run()
    assert not page.exception
    assert "No figure" not in texts(page)
