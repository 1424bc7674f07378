"""Makes the pictures of docs/dashboard.md from a store, such as the demo's.

python -m tests.browser.screenshots results/demo/runs [docs/images]
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
    "overview": ("", 1280, 900),
    "cells": ("?view=cells", 1280, 900),
    "compare": ("?view=compare", 1280, 900),
    "run": ("?view=run&method=mmd", 1280, 900),
    "phone": ("", 400, 800),
}
SHOWN = "[data-testid=stImage] img, [data-testid=stDataFrame]"


def main(store: str, folder: str = "docs/images") -> None:
    command = [sys.executable, "-m", "tlbench", "dashboard", "--store", store, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            url = address(server)
            for name, (query, width, height) in SHOTS.items():
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto(url + query)
                page.wait_for_selector(SHOWN, timeout=120_000)
                page.wait_for_timeout(3000)
                save(page.screenshot(), Path(folder) / f"dashboard-{name}.png")
    finally:
        server.terminate()


def save(png: bytes, path: Path) -> None:
    """64 colours, which keeps a screenshot below 100 kB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
