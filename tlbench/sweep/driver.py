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
from joblib.externals.loky import get_reusable_executor

from tlbench.errors import TlbenchError
from tlbench.paths import conf_dir
from tlbench.run import execute
from tlbench.sweep.sweeper import TlbenchSweeper, register


@contextmanager
def sweeper(hydra_overrides: Sequence[str], config_dir: str | None) -> Iterator[TlbenchSweeper]:
    """A sweeper that is ready to go.

    Args:
        hydra_overrides: overrides of Hydra's own config (`hydra/launcher=...`, `hydra.launcher.n_jobs=...`).
        config_dir: a folder of the user's own configs, searched before tlbench's.
    """
    if config_dir is not None and not Path(config_dir).is_dir():
        raise TlbenchError(f"Config folder '{config_dir}' does not exist. Set by --config-dir.")
    if (
        os.getcwd() not in sys.path
    ):  # a method of the user's own lies where the command is given; last, so it hides nothing
        sys.path.append(os.getcwd())
    # workers of an earlier pool of this process know neither its folder nor its import path of today
    get_reusable_executor().shutdown(wait=True)
    register()
    setup_globals()
    with initialize_config_dir(str(conf_dir()), job_name="tlbench", version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        if config_dir is not None:
            # not `hydra.searchpath`: the loader would find the user's configs, but not list them as options
            folders = hydra.config_loader.get_search_path()
            folders.prepend("command-line", f"file://{Path(config_dir).resolve()}")
            GlobalHydra.instance().clear()
            hydra = Hydra.create_main_hydra2("tlbench", folders)
        try:
            master = hydra.compose_config(
                config_name="config", overrides=list(hydra_overrides), run_mode=RunMode.MULTIRUN
            )
        except HydraException as error:
            raise TlbenchError(" ".join(str(error).split())) from error
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(master))
        found = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=execute, config=master)
        assert isinstance(found, TlbenchSweeper)
        yield found
