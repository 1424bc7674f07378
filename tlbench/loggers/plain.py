"""Loggers that need nothing but Lightning, which is imported where one is made: a closed form without a log does without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tlbench.loggers.run_content import RunContent

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def no_logger(*, run: RunContent, folder: Path) -> None:
    """Log nothing; the run's record, history and predictions are kept all the same."""


def csv_logger(*, run: RunContent, folder: Path) -> Logger:
    """Log to `logs/metrics.csv` in the run's folder."""
    from tlbench.loggers.csv import Csv

    return Csv(save_dir=folder, name="", version="", flush_logs_every_n_steps=1_000_000)
