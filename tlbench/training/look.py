"""How a network is looked at: its features and class probabilities as it is now."""

from __future__ import annotations

from dataclasses import dataclass
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
