"""Seconds of each phase of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping


class Clock:
    """Laps by name, those `before` it among them; laps of one name add up."""

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self.last, self.laps = time.perf_counter(), dict(before or {})

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.laps[phase] = self.laps.get(phase, 0.0) + now - self.last
        self.last = now
