"""CPU seconds that the methods' own `fit` takes, apart from what the harness does around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from tlbench.method.reference import Reference, SupervisedEstimator


class FitSeconds:
    """Sums the CPU seconds of the `fit` of estimator methods, references among them, from now on."""

    def __init__(self, methods: Iterable[type[Any]]) -> None:
        self.seconds = 0.0
        for method in {SupervisedEstimator if issubclass(method, Reference) else method for method in methods}:
            method.fit = self._timed(method.fit)

    def _timed(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            start = time.process_time()
            try:
                return fit(*given)
            finally:
                self.seconds += time.process_time() - start

        return timed
