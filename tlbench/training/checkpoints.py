"""What a run looks like at the points where a selection may stop it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tlbench.errors import Diverged


@dataclass(frozen=True)
class Checkpoint:
    """Class probabilities at one point of a run: (N, C) on the test part, (V, C) on source validation or None.

    `scores`: what each label-free validator says of it, higher is better.
    `outlook`: the arrays of an `Outlook`, what it says of the validators' examples; none where there is no look at them.

    Raises:
        Diverged: a probability is not finite. The last step's terms may have been, and its update not.
    """

    step: int
    test: np.ndarray
    source_val: np.ndarray | None
    scores: Mapping[str, float] = field(default_factory=dict)
    outlook: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(np.isfinite(p).all() for p in (self.test, self.source_val) if p is not None):
            raise Diverged(self.step, "prediction")


def evaluation_steps(steps: int, evaluations: int) -> frozenset[int]:
    """Return `evaluations` numbers of steps, evenly spaced, the last of them `steps`."""
    return frozenset(round(steps * (i + 1) / evaluations) for i in range(evaluations))
