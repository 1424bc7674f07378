"""Loggers that need nothing but Lightning."""

from __future__ import annotations

from pathlib import Path

from pytorch_lightning.loggers import CSVLogger, Logger

from tlbench.loggers.content import RunContent


def no_logger(*, run: RunContent, folder: Path) -> None:
    """Logs nothing; the run's record, history and predictions are kept all the same."""


def csv_logger(*, run: RunContent, folder: Path) -> Logger:
    """`logs/metrics.csv` in the run's folder."""
    return Csv(save_dir=folder, name="", version="", flush_logs_every_n_steps=1_000_000)


class Csv(CSVLogger):
    """One file, written at the end, in the order of the steps."""

    def save(self) -> None:
        """Nothing yet: Lightning asks when the fit ends, and the checkpoints are still to come."""

    def finalize(self, status: str) -> None:
        """Nothing yet, likewise."""

    def end(self, ok: bool) -> None:
        self.experiment.metrics.sort(key=lambda row: row["step"])
        super().save()
