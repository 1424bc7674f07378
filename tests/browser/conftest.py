"""A real headless Chromium; a page that logs an error or asks another machine for anything fails its test."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT = 60_000
"""Milliseconds that a busy machine may take for one step."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium on the PATH"))


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium) -> Iterator:
    """A page at 1280 px; its test fails on a console error or a request that leaves the machine."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page, wrong = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if strange(request.url) else None)
    page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}") or dialog.dismiss())
    yield page
    context.close()
    assert wrong == []


def strange(url: str) -> bool:
    """Whether a request leaves the machine."""
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob", "file", "about") and parts.hostname != "127.0.0.1"


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts a dashboard over a store; returns the address that it prints."""
    started = []

    def start(root: Path, *arguments: str) -> str:
        command = [sys.executable, "-m", "tlbench", "dashboard", "--store", str(root), "--port", "0", *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with (tmp_path_factory.mktemp("server") / "log").open("w") as log:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        started.append(server)
        return address(server)

    yield start
    for server in started:
        server.stdout.close()  # as `| head -1` does: it must end nevertheless
        server.terminate()
        server.wait(20)


def address(server: subprocess.Popen) -> str:
    """What a server says it can be reached by, as soon as it answers."""
    import requests

    assert server.stdout is not None
    assert select.select([server.stdout], [], [], 120)[0], "the dashboard printed nothing"
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found is not None
    for _ in range(600):
        try:
            requests.get(found[0], timeout=5)
            return found[0]
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the dashboard does not answer")
