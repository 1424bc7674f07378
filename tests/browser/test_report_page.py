"""The report's page opened from its file: nothing is asked for, nothing goes wrong, nothing is wider than the window."""

from __future__ import annotations

import pytest

from tests.dashboard.stores import sweep
from tlbench.cli import main


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    sweep(root / "runs", "pair=P-R", "method=coral_linear,pca", "seed=0,1")
    main(["report", "--store", str(root / "runs"), "--out", str(root), "--format", "html"])
    return root / "report.html"


@pytest.mark.parametrize("width", [1280, 400])
def test_the_file_is_whole_by_itself(page, report, width):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())
    assert "coral_linear" in page.inner_text("body")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert [url for url in asked if not url.startswith(("data:", report.as_uri()))] == []
