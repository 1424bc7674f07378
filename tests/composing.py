"""Hydra's composing, remembered within a process: hundreds of tests compose the same few configs, a tenth of a second each.

What is remembered stands there before interpolation, so each test still gets its own $TLBENCH_STORE and $TLBENCH_DATA, and
a folder of a test's own counts by what its files say.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.conf import ConfigSourceInfo
from omegaconf import DictConfig, open_dict

from tlbench.paths import conf_dir

compose = ConfigLoaderImpl._load_configuration_impl
known: dict[tuple, DictConfig] = {}


def says(path: str) -> Any:
    """What a place of configs holds: tlbench's own do not change while tests run."""
    folder = Path(path.removeprefix("file://"))
    if not path.startswith("file://") or folder == conf_dir():
        return path
    return tuple((str(file.relative_to(folder)), file.read_bytes()) for file in sorted(folder.rglob("*.yaml")))


def remembered(
    self: ConfigLoaderImpl, config_name: str | None, overrides: list[str], *more: Any, **named: Any
) -> DictConfig:
    """In place of ConfigLoaderImpl._load_configuration_impl."""
    sources = self.repository.get_sources()
    places = tuple(says(source.full_path()) for source in sources)
    key = (places, config_name, tuple(overrides), more, tuple(named.items()))
    if key not in known:
        known[key] = compose(self, config_name, overrides, *more, **named)
    config = copy.deepcopy(known[key])
    with open_dict(config.hydra):
        config.hydra.runtime.cwd = os.getcwd()
        config.hydra.runtime.config_sources = [
            ConfigSourceInfo(path=source.path, schema=source.scheme(), provider=source.provider) for source in sources
        ]
    return config
