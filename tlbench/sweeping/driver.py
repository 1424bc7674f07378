"""Starts Hydra with tlbench's configs and hands a command's overrides to the sweeper."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks  # the type of a field of the public HydraContext
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from tlbench.config.loader import ReadOnceLoader
from tlbench.config.own_configs import replaced
from tlbench.config.told import error_in_one_line, in_one_line
from tlbench.errors import TlbenchError, say_once
from tlbench.paths import conf_dir
from tlbench.sweeping.executors.options import options_of
from tlbench.sweeping.job import execute
from tlbench.sweeping.sweeper import OWN, TlbenchSweeper, register


@contextmanager
def sweeper(hydra_overrides: Sequence[str], config_dir: str | None) -> Iterator[TlbenchSweeper]:
    """Yield a sweeper that is ready to go.

    Args:
        hydra_overrides: overrides of Hydra's own config (`hydra/launcher=...`, `hydra.launcher.n_jobs=...`).
        config_dir: a folder of the user's own configs, searched before tlbench's.
    """
    own = [] if config_dir is None else [Path(config_dir)]
    if own and not own[0].is_dir():
        raise TlbenchError(f"Config folder '{config_dir}' does not exist. Set by --config-dir.")
    # a method of the user's own lies where the command is given; last, so it hides nothing
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    _check_sweeper(hydra_overrides)
    register()
    setup_globals()
    with initialize_config_dir(str(conf_dir()), job_name="tlbench", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        for folder in own:
            # not `hydra.searchpath`: the loader would find the user's configs, but not list them as options
            folders = hydra.config_loader.get_search_path()
            folders.prepend("command-line", f"file://{folder.resolve()}")
            GlobalHydra.instance().clear()
            hydra = Hydra.create_main_hydra2("tlbench", folders)
            for line in replaced(folder):
                say_once(line)
        hydra.config_loader = ReadOnceLoader(hydra.config_loader)
        with in_one_line(*own):
            master = hydra.compose_config(
                config_name="config", overrides=list(hydra_overrides), run_mode=RunMode.MULTIRUN
            )
        _check_launcher(master)
        if (target := OmegaConf.select(master, "hydra.sweeper._target_")) != OWN:
            raise TlbenchError(NO_OTHER.format(found=target))
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(master))
        try:
            found = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=execute, config=master)
        except HydraException as error:  # round the words of the sweeper itself
            raise error.__cause__ if isinstance(error.__cause__, TlbenchError) else error_in_one_line(error) from error
        assert isinstance(found, TlbenchSweeper)
        try:
            yield found
        finally:
            found.close()


NO_OTHER = "tlbench sweeps by its own sweeper, got {found}. Leave hydra/sweeper and hydra.sweeper._target_ out."


def _check_sweeper(overrides: Sequence[str]) -> None:
    for override in overrides:
        key, _, value = override.partition("=")
        if key.lstrip("+~") == "hydra/sweeper" and value != "tlbench":
            raise TlbenchError(NO_OTHER.format(found=override))


def _check_launcher(config: DictConfig) -> None:
    """Raise what Hydra or a launcher would say only when the first run of a sweep is launched."""
    target = str(OmegaConf.select(config, "hydra.launcher._target_"))
    if not target.startswith(("hydra_plugins.", "hydra._internal.core_plugins.")):
        raise TlbenchError(
            f"hydra.launcher._target_ must be a launcher of Hydra, got {target}. Choose one by hydra/launcher=..."
        )
    options_of(config)
    if OmegaConf.select(config, "hydra.launcher.n_jobs") == 0:
        raise TlbenchError(
            "hydra.launcher.n_jobs must be 1 or more processes, or -1 for one a core, got 0. Set by hydra.launcher.n_jobs=..."
        )
