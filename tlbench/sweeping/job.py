"""What a process does for a sweep: the runs that it is handed, one after the other."""

from __future__ import annotations

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from tlbench.config.compose import settle
from tlbench.config.loader import read_runs, settled_configs
from tlbench.running.ensure import ensure_all
from tlbench.running.setup import Setup
from tlbench.sweeping.worker import end_with_parent


def execute(config: DictConfig) -> list[str]:
    """Do the runs of a job, as the task function that Hydra's launchers call, and return the status of each."""
    end_with_parent()
    runs = settled_configs(config) or [settle(config, HydraConfig.get().runtime.choices)]
    return ensure_all([Setup.of(run) for run in runs])


def do_runs(text: str) -> None:
    """Do the runs that an executor hands over, stacked where they can be; each leaves its record in the store."""
    ensure_all([Setup.of(config) for config in read_runs(text)])
