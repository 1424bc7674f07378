"""The dashboard in a browser: what a person sees, clicks and takes along."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dashboard.stores import EVIL, add_failed, add_plan, sweep
from tlbench.dashboard.filters import MANY
from tlbench.store.runs import RunStore

COUNTS = "[data-testid=stMarkdownContainer] p:has-text('done ·')"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser") / "runs"
    sweep(root, "pair=P-H,P-R", "method=coral_linear,pca", "seed=0,1", "tags=[first]")
    sweep(root, "pair=P-R", "method=pca", "seed=0", "protocol=transductive", "embeddings=20")
    done = RunStore(root).run_keys()
    add_failed(root)
    add_plan(root, EVIL.split("/")[0], done[:3], seed=7)
    return root


@pytest.fixture(scope="module")
def url(small, serve):
    return serve(small)


def opened(page, url, query=""):
    page.goto(f"{url}{query}")
    page.wait_for_selector(COUNTS)
    settled(page)
    return page


def settled(page):
    """Waits until the script is through and what it drew has come."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(300)


def query(page):
    return parse_qs(urlsplit(page.url).query)


def choose(page, label, option):
    """As with the keyboard: type into a list, take the first that fits."""
    box = page.get_by_role("combobox", name=label).first
    box.click()
    box.press_sequentially(option)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    settled(page)


def rows_of_csv(page, tmp_path, which=0):
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV (").nth(which).click()
    path = tmp_path / "table.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_filters_change_what_is_shown_and_the_address_brings_it_back(page, url, tmp_path):
    opened(page, url, "?view=cells")
    assert len(rows_of_csv(page, tmp_path)) == 9
    choose(page, "Pair", "photo-printed")
    page.wait_for_url("**pair=photo-printed**")
    assert {row["pair"] for row in rows_of_csv(page, tmp_path)} == {"photo-printed"}
    choose(page, "Method", "pca")
    page.wait_for_url("**method=pca**")
    choose(page, "Protocol", "inductive")
    page.wait_for_url("**protocol=inductive**")
    (row,) = rows_of_csv(page, tmp_path)
    page.goto(page.url)
    settled(page)
    page.wait_for_selector(COUNTS)
    assert rows_of_csv(page, tmp_path) == [row]
    assert query(page)["pair"] == ["photo-printed"]


FILTERS = [
    ("Data set", "dataset", "mini_digits", (14, 1, 1)),
    ("Pair", "pair", "photo-printed", (8, 0, 0)),
    ("Protocol", "protocol", "transductive", (2, 0, 0)),
    ("Backbone", "backbone", "identity", (14, 1, 1)),
    ("Method", "method", "coral_linear", (4, 0, 0)),
    ("Sweep", "sweep", EVIL.split("/")[0], (3, 0, 1)),
    ("Tag", "tag", "first", (12, 1, 0)),
    ("Status", "status", "failed", (0, 1, 0)),
]


def test_each_filter_shows_its_runs_and_is_in_the_address(page, url):
    opened(page, url)
    for label, name, option, counts in FILTERS:
        choose(page, label, option)
        page.wait_for_url(f"**{name}=**")
        assert {n: values for n, values in query(page).items() if n in MANY} == {name: [option]}
        assert page.inner_text(COUNTS) == "{} done · {} failed · 0 skipped · {} missing".format(*counts)
        page.get_by_role("button", name="Clear filters").click()
        page.wait_for_function("name => !new URLSearchParams(location.search).has(name)", arg=name)
        settled(page)


def test_a_selection_that_looks_at_target_labels_says_so(page, url):
    opened(page, url)
    choose(page, "Checkpoint selection", "ORACLE")
    page.wait_for_url("**selection=oracle**")
    assert page.locator("text=ORACLE: checkpoints are picked by the target's test labels.").count() == 1


def test_figures_are_taken_along_as_files(page, url, tmp_path):
    opened(page, url, "?view=run&method=pca&pair=photo-printed&protocol=transductive")
    page.wait_for_selector("text=Maps of features")
    for kind, start in (("SVG", b"<"), ("PNG", b"\x89PNG"), ("PDF", b"%PDF")):
        with page.expect_download() as download:
            page.locator(f".st-key-{kind}-features button").first.click()
        download.value.save_as(tmp_path / "figure")
        assert (tmp_path / "figure").read_bytes().startswith(start)
        assert download.value.suggested_filename == f"features.{kind.lower()}"


def test_from_a_cell_to_a_run_by_keyboard_alone(page, url):
    opened(page, url, "?view=cells&method=pca&pair=photo-printed")
    run = query(page)["run"]
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Open this run":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**view=run**")
    page.wait_for_selector("text=Examples that changed")
    page.wait_for_selector("text=Config")
    settled(page)
    assert query(page)["run"] == run
    assert page.locator("[data-testid=stImage] img[alt^='printed/']").count() >= 1


def test_names_that_look_like_markup_are_letters(page, url):
    opened(page, url, "?view=run&status=failed")
    page.wait_for_selector(f"[data-testid=stText]:has-text('{EVIL}')")
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href='http://a.b']").count() == 0
    opened(page, url)
    page.get_by_role("combobox", name="Sweep").first.click()
    page.wait_for_selector(f"[role=option]:has-text('{EVIL.split('/')[0]}')")
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("width", [1280, 400])
def test_no_view_is_wider_than_the_window(page, url, width):
    page.set_viewport_size({"width": width, "height": 900})
    for view in ("overview", "cells", "compare", "run"):
        opened(page, url, f"?view={view}")
        wide = page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth - e.clientWidth)"
        )
        assert wide == [0, 0], view


def test_a_run_that_comes_while_the_page_is_open(page, small, serve, tmp_path):
    root: Path = tmp_path / "growing"
    opened(page, serve_once(root, serve))
    page.wait_for_selector("text=holds no runs")
    key = next(key for key in RunStore(small).run_keys() if RunStore(small).status(key) == "done")
    path = RunStore(root).packed(key)
    path.parent.mkdir(parents=True)
    shutil.copy(RunStore(small).packed(key), path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)
    page.wait_for_selector(f"{COUNTS}:has-text('1 done')")
    page.wait_for_selector("text=1 run:")
    assert page.inner_text(COUNTS) == "1 done · 0 failed · 0 skipped · 0 missing"


def serve_once(root: Path, serve) -> str:
    root.mkdir()
    return serve(root)
