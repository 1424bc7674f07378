"""Where things lie: the configs that came with the package, the cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def conf_dir() -> Path:
    """Return the folder of configs: `tlbench/conf` in a wheel, `conf` beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    inside, beside = package / "conf", package.parent / "conf"
    return inside if inside.is_dir() else beside


def cache_dir() -> Path:
    """Return where data that tlbench makes is kept: `$TLBENCH_CACHE`, else the user's cache folder."""
    given = os.environ.get("TLBENCH_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("tlbench")


def results_dir() -> Path:
    """Return the folder of published and reproduced tables: `results` of a checkout, which a wheel does not carry."""
    return Path(__file__).resolve().parent.parent / "results"
