"""Seconds of each phase of a run."""

from __future__ import annotations

import time


class Clock:
    """Laps by name; laps of one name add up."""

    def __init__(self) -> None:
        self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.laps[phase] = self.laps.get(phase, 0.0) + now - self.last
        self.last = now
