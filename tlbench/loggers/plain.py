"""Loggers that need nothing but the standard library."""

from __future__ import annotations

from pathlib import Path

from tlbench.loggers.csv import Csv
from tlbench.loggers.run_content import RunContent


def no_logger(*, run: RunContent, folder: Path) -> None:
    """Log nothing; the run's record, history and predictions are kept all the same."""


def csv_logger(*, run: RunContent, folder: Path) -> Csv:
    """Log to `logs/metrics.csv` in the run's folder."""
    return Csv(folder)
