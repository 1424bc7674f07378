"""Hydra's loader in two ways: one that reads a file once, and one by which planned runs reach the process that does them."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, open_dict, read_write
from pydantic import TypeAdapter

from tlbench.config.schema import RunConfig

KEY = "settled"
RUNS = TypeAdapter(list[RunConfig])


def written_runs(configs: Sequence[RunConfig]) -> str:
    """Return settled configs as text, for another process."""
    return RUNS.dump_json(list(configs)).decode()


def read_runs(text: str) -> list[RunConfig]:
    """Return what `written_runs` wrote."""
    return RUNS.validate_json(text)


def settled_override(configs: Sequence[RunConfig]) -> str:
    """Return the last override of a job: the runs that it is to do."""
    return f"{KEY}={written_runs(configs)}"


def settled_configs(config: DictConfig) -> list[RunConfig]:
    """Return the runs that a job's config carries; none where Hydra composed it itself."""
    return read_runs(config[KEY]) if KEY in config else []


class _Copies(CachingConfigRepository):
    """What was read, for one composition: that sets its overrides in the nodes which it gets."""

    def __init__(self, read: CachingConfigRepository) -> None:
        self.delegate, self.cache = read, {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        if config_path not in self.cache:
            self.cache[config_path] = copy.deepcopy(self.delegate.load_config(config_path))
        return self.cache[config_path]


class ReadOnceLoader(ConfigLoaderImpl):
    """Hydra's loader, but that it reads each file, and lists each folder, once in its life: a command composes several times."""

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader.get_search_path())
        self._read: dict[str | None, CachingConfigRepository] = {}
        self._listed: dict[tuple[str, ObjectType | None], list[str]] = {}

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        parsed = OverridesParser.create().parse_overrides(overrides)
        if any(override.get_key_element() == "hydra.searchpath" for override in parsed):
            return super()._parse_overrides_and_create_caching_repo(config_name, overrides)
        if config_name not in self._read:
            self._read[config_name] = super()._parse_overrides_and_create_caching_repo(config_name, [])[1]
        return parsed, _Copies(self._read[config_name])

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        if config_name is not None or overrides:
            return super().get_group_options(group_name, results_filter, config_name, overrides)
        key = (group_name, results_filter)
        if key not in self._listed:
            self._listed[key] = super().get_group_options(group_name, results_filter)
        return self._listed[key]


class SettledLoader(ConfigLoaderImpl):
    """Hydra's loader, but that a job with settled runs is not composed again.

    Composing takes a tenth of a second, as much as a closed form on small data. The plan has done it once for all pairs and
    seeds, and what it planned is what runs.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader.get_search_path())

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: Sequence[str]) -> DictConfig:
        *overrides, last = sweep_overrides
        if not last.startswith(f"{KEY}="):
            return super().load_sweep_config(master_config, list(sweep_overrides))
        config = copy.deepcopy(master_config)
        with read_write(config), open_dict(config), read_write(config.hydra), open_dict(config.hydra):
            config[KEY] = last.removeprefix(f"{KEY}=")
            config.hydra.overrides.task = overrides
            config.hydra.mode = "RUN"
        return config
