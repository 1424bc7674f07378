"""How planned runs reach the process that does them: settled, in the last override of a job."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
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
