"""A logger as Lightning takes one."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.loggers import Logger

from tlbench.loggers import Log


class Adapted(Logger):
    """Passes on the numbers of the steps. The run ends the logger itself, after the checkpoints are judged."""

    name, version = "", ""

    def __init__(self, log: Log) -> None:
        self.log = log

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Pass numbers on; those of no step are not the run's."""
        if step is not None:
            self.log.log_metrics(metrics, step=step)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the logger was told the config when it was made."""


def for_lightning(log: Log | None) -> Logger | bool:
    """Return what Lightning's trainer takes: its own loggers as they are, False for none."""
    if log is None:
        return False
    return log if isinstance(log, Logger) else Adapted(log)
