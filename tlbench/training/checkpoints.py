"""What a run looks like at the points where a selection may stop it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from tlbench.errors import Diverged
from tlbench.selection.view import Seen
from tlbench.training.predict import in_batches

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.method.gradient import GradientMethod


@dataclass(frozen=True)
class Checkpoint:
    """Class probabilities at one point of a run: (N, C) on the test part, (V, C) on source validation or None.

    `scores`: what each label-free validator says of it, higher is better.

    Raises:
        Diverged: a probability is not finite. The last step's terms may have been, and its update not.
    """

    step: int
    test: np.ndarray
    source_val: np.ndarray | None
    scores: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(np.isfinite(p).all() for p in (self.test, self.source_val) if p is not None):
            raise Diverged(self.step, "prediction")


@dataclass(frozen=True)
class Look:
    """Features and class probabilities as a gradient method gives them now; it must be in evaluation mode.

    Raises:
        Diverged: a feature is not finite.
    """

    method: GradientMethod
    device: torch.device
    step: int

    def probabilities(self, inputs: Inputs, domain: str) -> np.ndarray:
        self.method.see(domain)
        return in_batches(self.method.predict_proba, inputs, self.device)

    def __call__(self, inputs: Inputs, domain: str) -> Seen:
        self.method.see(domain)
        found = in_batches(lambda x: torch.cat(self.method.outputs(x), dim=1), inputs, self.device)
        width = self.method.network.feature_dim
        if not np.isfinite(found).all():
            raise Diverged(self.step, "feature")
        return Seen(found[:, :width], found[:, width:])


def evaluation_steps(steps: int, evaluations: int) -> frozenset[int]:
    """Return `evaluations` numbers of steps, evenly spaced, the last of them `steps`."""
    return frozenset(round(steps * (i + 1) / evaluations) for i in range(evaluations))
