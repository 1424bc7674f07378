"""Methods with a domain classifier behind a reversed gradient: DANN, and what is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tlbench.functional.adversarial import domain_loss, reversal_strength, reverse_gradient
from tlbench.method.checks import above_zero, at_least, between
from tlbench.method.gradient import GradientMethod

if TYPE_CHECKING:
    from tlbench.method.gradient import SourceOutput, TargetOutput


def domain_classifier(width: int, hidden: int) -> nn.Sequential:
    """Return a fresh network from (N, width) to (N, 1) logits of being of the source, with two hidden layers; 0 for none."""
    layers = [nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()] if hidden else []
    return nn.Sequential(*layers, nn.Linear(hidden or width, 1))


class AdversaryMethod(GradientMethod):
    """Base of such methods; its term is `domain`.

    Source: Ganin et al., JMLR 2016, arXiv:1505.07818, section 4.2; smoothing: Zhang et al., ICLR 2023, arXiv:2302.00194.

    Args:
        weight: of the domain loss, >= 0.
        gamma: steepness of the reversal's growth over the run, > 0.
        hidden: width of the domain classifier's two hidden layers; 0 for none.
        smoothing: the domain labels are 1 - smoothing and smoothing.
        sees: width of what the domain classifier sees; None: that of the features.
    """

    family = "adversarial"

    def __init__(
        self,
        *,
        weight: float,
        gamma: float,
        hidden: int,
        smoothing: float = 0.0,
        sees: int | None = None,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        at_least(0, weight=weight, hidden=hidden)
        above_zero(gamma=gamma)
        between(0, 0.5, smoothing=smoothing)
        self.weight, self.gamma, self.smoothing = weight, gamma, smoothing
        width = self.network.feature_dim if sees is None else sees
        self.discriminator = domain_classifier(width, hidden)

    def strength(self) -> float:
        """Return how strongly the gradient is reversed now."""
        return reversal_strength(self.progress, self.gamma)

    def domain_inputs(
        self, features: Tensor, source: SourceOutput, target: TargetOutput
    ) -> tuple[Tensor, Tensor | None]:
        """Return what the domain classifier sees of both domains, source first, and the weights of the examples or None.

        Args:
            features: of both domains, (N + M, F), behind the reversal.
        """
        return features, None

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        features = reverse_gradient(torch.cat([source.features, target.features]), self.strength())
        seen, weights = self.domain_inputs(features, source, target)
        logits = self.discriminator(seen).squeeze(1)
        return {"domain": self.weight * domain_loss(logits, len(source.features), weights, smoothing=self.smoothing)}
