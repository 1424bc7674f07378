"""Makes the pictures of docs/dashboard.md from a store, such as the demo's; `features` needs one whose runs kept some.

python -m tests.browser.screenshots results/demo/runs [docs/images [NAME ...]]
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, address

SHOTS = {
    "overview": ("", 1280, 900, ""),
    "cells": ("?view=cells", 1280, 900, ""),
    "compare": ("?view=compare", 1280, 900, ""),
    "run": ("?view=run&method=mmd", 1280, 900, ""),
    "phone": ("", 400, 800, ""),
    "features": ("?view=run&method=dann", 1280, 700, "Maps of features"),
}
"""Name to query, width, height and the heading that is scrolled to."""
SHOWN = "[data-testid=stImage] img, [data-testid=stDataFrame]"


def main(store: str, folder: str = "docs/images", *names: str) -> None:
    command = [sys.executable, "-m", "tlbench", "dashboard", "--store", store, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            url = address(server)
            for name in names or [name for name in SHOTS if name != "features"]:
                query, width, height, heading = SHOTS[name]
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto(url + query)
                page.wait_for_selector(SHOWN, timeout=120_000)
                page.wait_for_timeout(3000)
                if heading:
                    page.get_by_text("t-SNE").first.click()
                    page.wait_for_timeout(15_000)
                    page.get_by_role("heading", name=heading).evaluate("e => e.scrollIntoView()")
                    page.wait_for_timeout(1000)
                save(page.screenshot(), Path(folder) / f"dashboard-{name}.png")
    finally:
        server.terminate()


def save(png: bytes, path: Path) -> None:
    """256 colours: fewer turn two of a figure into one, more are above 100 kB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
