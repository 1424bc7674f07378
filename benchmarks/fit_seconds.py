"""CPU seconds that the methods' own `fit` takes, apart from the harness's around it, and the memory of the process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tlbench.method.reference import Reference, SupervisedEstimator


def resident_mb() -> float:
    """MiB that this process holds now."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


class FitSeconds:
    """Sums the CPU seconds of the `fit` of estimator methods, references among them, from now on.

    Attributes:
        memory: MiB that this process held at each of them.
    """

    def __init__(self, methods: Iterable[type[Any]]) -> None:
        self.seconds, self.memory = 0.0, list[float]()
        for method in {SupervisedEstimator if issubclass(method, Reference) else method for method in methods}:
            method.fit = self._timed(method.fit)

    def _timed(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            self.memory.append(resident_mb())
            start = time.process_time()
            try:
                return fit(*given)
            finally:
                self.seconds += time.process_time() - start

        return timed
