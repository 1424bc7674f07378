"""How long the runs of a sweep will take, told before they start: by a timed step, else by runs of their kind in the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tlbench.backbones.how_trained import is_frozen
from tlbench.findings.progress import KIND
from tlbench.method.reference import Reference
from tlbench.running.describe import backbone_label
from tlbench.store.table import read_tables

if TYPE_CHECKING:
    import pandas as pd

    from tlbench.running.setup import Setup
    from tlbench.store.runs import RunStore
    from tlbench.sweeping.plan import Job

UNKNOWN = 60.0
"""Seconds that a run is taken to need where the store holds none of any kind."""
WORTH_TELLING = 120.0
"""Seconds from which on a sweep says how long it will take."""


@dataclass(frozen=True)
class Forecast:
    """Seconds of a processor core that runs will take.

    Attributes:
        seconds: of each run, by its key, whose kind is in the store, or whose step was timed.
        n_unknown: runs without an estimate.
    """

    seconds: Mapping[str, float]
    n_unknown: int

    @property
    def known(self) -> float:
        return sum(self.seconds.values())

    @property
    def n_known(self) -> int:
        return len(self.seconds)

    def of(self, key: str) -> float:
        """Return what a run is expected to take: if nothing is known of it, as long as the others; a minute if of none."""
        return self.seconds.get(key, median(self.seconds.values()) if self.seconds else UNKNOWN)

    def line(self, processes: int) -> str | None:
        """Say it for the terminal, for so many processes side by side; None where it is short or nothing is known."""
        seconds = self.known / max(1, min(processes, self.n_known))
        if seconds < WORTH_TELLING:
            return None
        return (
            f"About {in_words(seconds)} for {self.n_known} runs{self._rest()}. Interrupted, the same command goes on."
        )

    def told(self) -> str:
        """Say it for one core, however short."""
        return f"About {in_words(self.known)} of a core for {self.n_known} runs{self._rest()},"

    def _rest(self) -> str:
        return f", and {self.n_unknown} runs of which nothing is known yet" if self.n_unknown else ""


def forecast(todo: Sequence[Job], store: RunStore, *, timed: bool = True) -> Forecast:
    """Estimate what jobs will take.

    Args:
        timed: whether a step of each kind of network that is trained on images is timed for it, some seconds a kind.
    """
    runs, found = read_tables(store).runs, dict[str, float | None]()
    expected = {job.key: _seconds(job.setup, runs, found, timed=timed) for job in todo}
    given = {key: seconds for key, seconds in expected.items() if seconds is not None}
    return Forecast(given, len(todo) - len(given))


def _seconds(setup: Setup, runs: pd.DataFrame, found: dict[str, float | None], *, timed: bool) -> float | None:
    config, adapts = setup.config, not issubclass(setup.method, Reference)
    network = json.dumps([config.backbone, config.optim.batch_size, setup.input_shape, adapts, setup.changes_images])
    if network not in found:
        try:
            found[network] = step_seconds(setup) if timed else None
        except Exception:  # whatever it is, the run itself will tell; a forecast stops no sweep
            found[network] = None
    if (step := found[network]) is not None:
        return step * config.optim.steps
    kind = (config.dataset["name"], setup.protocol.label, backbone_label(config.backbone), config.classifier["name"],
            config.method["name"])  # fmt: skip
    mine = runs[(runs[KIND] == kind).all(axis=1) & (runs["status"] == "done")] if len(runs) else runs
    return float(mine["seconds"].median()) if len(mine) else None


def step_seconds(setup: Setup) -> float | None:
    """Time a step of a network that is trained on images; None for other runs, which do without torch here."""
    if setup.shape != "gradient" or setup.augment is None or is_frozen(setup.config.backbone):
        return None
    from tlbench.sweeping.timed_step import timed_step

    return timed_step(setup)


def in_words(seconds: float) -> str:
    """Write a duration as a person would: 45 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
