"""The curves of a run as one CSV file."""

from __future__ import annotations

from pytorch_lightning.loggers import CSVLogger


class Csv(CSVLogger):
    """One file, written at the end, in the order of the steps."""

    def save(self) -> None:
        """Do nothing yet: Lightning asks when the fit ends, and the checkpoints are still to come."""

    def finalize(self, status: str) -> None:
        """Do nothing yet, likewise."""

    def end(self, ok: bool) -> None:
        self.experiment.metrics.sort(key=lambda row: row["step"])
        super().save()
