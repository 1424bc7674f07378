"""The report's page opened from its file: nothing is asked for, nothing goes wrong, nothing is wider than the window."""

from __future__ import annotations

import pytest

from tests.dashboard.stores import EVIL, add_failed, sweep
from tlbench.cli import main
from tlbench.store.runs import RunStore


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    sweep(root / "runs", "pair=P-R", "method=coral_linear,pca", "seed=0,1")
    add_failed(root / "runs")
    assert main(["report", "--store", str(root / "runs"), "--out", str(root), "--format", "html"]) == 1
    return root / "report.html"


@pytest.fixture
def empty(tmp_path):
    """A store in which nothing but one failure is."""
    sweep(tmp_path / "all", "pair=P-R", "method=pca", "seed=0")
    key = add_failed(tmp_path / "all")
    (tmp_path / "runs").mkdir()
    path = RunStore(tmp_path / "runs").packed(key)
    path.parent.mkdir()
    RunStore(tmp_path / "all").packed(key).rename(path)
    main(["report", "--store", str(tmp_path / "runs"), "--out", str(tmp_path), "--format", "html"])
    return tmp_path / "report.html"


@pytest.mark.parametrize("width", [1280, 400])
def test_the_file_is_whole_by_itself(page, report, width):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())
    assert "coral_linear" in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert [url for url in asked if not url.startswith(("data:", report.as_uri()))] == []


def test_names_and_reasons_that_look_like_markup_are_letters(page, report):
    page.goto(report.as_uri())
    assert f"went wrong: {EVIL}" in page.inner_text("body")
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href='http://a.b']").count() == 0


def test_all_that_can_be_used_is_reached_by_keyboard(page, report):
    page.goto(report.as_uri())
    usable = "a[href], summary, button, input, select, [tabindex='0']"
    n = page.locator(usable).count()
    reached = set()
    for _ in range(n + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(f"[...document.querySelectorAll(`{usable}`)].indexOf(document.activeElement)"))
    assert reached >= set(range(n))
    # what is wider than its frame can be scrolled without a mouse
    page.set_viewport_size({"width": 400, "height": 900})
    hidden = page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 "
        "&& getComputedStyle(e).overflowX == 'auto' && e.tabIndex < 0).map(e => e.outerHTML.slice(0, 80))"
    )
    assert hidden == []


def test_a_store_with_nothing_but_a_failure(page, empty):
    page.goto(empty.as_uri())
    assert f"went wrong: {EVIL}" in page.inner_text("body")


def test_twenty_variants_of_a_method_fit_the_page(page, tmp_path):
    dims = ",".join(map(str, range(2, 42, 2)))
    sweep(tmp_path / "runs", "pair=P-R", "method=pca", "seed=0", f"method.dim={dims}", "validators=30")
    assert main(["report", "--store", str(tmp_path / "runs"), "--out", str(tmp_path), "--format", "html"]) == 0
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto((tmp_path / "report.html").as_uri())
    frames = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map(frame => frame.scrollWidth - frame.clientWidth)"
    )
    assert len(frames) > 4
    assert max(frames) <= 0
