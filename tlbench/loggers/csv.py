"""The curves of a run as one CSV file, without Lightning: a run that needs no torch has its log too."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

FILE = "metrics.csv"


class Csv:
    """One file, written at the end: a row for each call in the order of the steps, a column for each name in theirs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, list[dict[str, float]]()

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Keep the numbers of a step."""
        self.rows.append({**metrics, "step": step})

    def end(self, ok: bool) -> None:
        """Write the file; none where nothing was logged."""
        if not self.rows:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / FILE).open("w", newline="") as file:
            writer = csv.DictWriter(file, sorted(set().union(*self.rows)))
            writer.writeheader()
            writer.writerows(sorted(self.rows, key=lambda row: row["step"]))
