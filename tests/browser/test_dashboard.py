"""The dashboard in a browser: what a person sees, clicks and takes along."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.dashboard.stores import EVIL, add_failed, add_plan, sweep
from tlbench.results.store import RunStore

COUNTS = "[data-testid=stMarkdownContainer] p:has-text('done ·')"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser") / "runs"
    sweep(root, "pair=P-H,P-R", "method=coral_linear,pca", "seed=0,1")
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
    assert len(rows_of_csv(page, tmp_path)) == 7
    choose(page, "Pair", "photo-printed")
    page.wait_for_url("**pair=photo-printed**")
    assert {row["pair"] for row in rows_of_csv(page, tmp_path)} == {"photo-printed"}
    choose(page, "Method", "pca")
    page.wait_for_url("**method=pca**")
    (row,) = rows_of_csv(page, tmp_path)
    page.goto(page.url)
    settled(page)
    page.wait_for_selector(COUNTS)
    assert rows_of_csv(page, tmp_path) == [row]
    assert query(page)["pair"] == ["photo-printed"]


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
    key = RunStore(small).run_keys()[0]
    shutil.copytree(small / key, root / f".{key}-aside")
    (root / f".{key}-aside").rename(root / key)
    page.wait_for_selector(f"{COUNTS}:has-text('1 ')")
    page.wait_for_selector("text=1 run:")


def serve_once(root: Path, serve) -> str:
    root.mkdir()
    return serve(root)
