"""Methods with a domain classifier that sees features and predictions together: CDAN, and what is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import domain_loss, reversal_strength, reverse_gradient
from tlbench.functional.conditional import RandomMap, multilinear_map
from tlbench.functional.entropy import certainty
from tlbench.method.checks import above_zero, at_least, between
from tlbench.method.gradient import GradientMethod

if TYPE_CHECKING:
    from tlbench.method.gradient import SourceOutput, TargetOutput


class ConditionalAdversaryMethod(GradientMethod):
    """Base of such methods; its term is `domain`.

    Source: Long et al., NeurIPS 2018, arXiv:1705.10667, section 3; smoothing: Zhang et al., ICLR 2023, arXiv:2302.00194.

    Args:
        weight: of the domain loss, >= 0.
        gamma: steepness of the reversal's growth over the run, > 0.
        hidden: width of the domain classifier's two hidden layers.
        entropy: sure examples weigh more.
        randomised: width of a random map in place of all products of features and probabilities, or None.
        smoothing: the domain labels are 1 - smoothing and smoothing.
    """

    family = "adversarial"

    def __init__(
        self,
        *,
        weight: float,
        gamma: float,
        hidden: int,
        entropy: bool,
        randomised: int | None,
        smoothing: float = 0.0,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        above_zero(gamma=gamma)
        at_least(1, hidden=hidden)
        between(0, 0.5, smoothing=smoothing)
        if randomised is not None and (type(randomised) is not int or randomised < 1):
            raise TlbenchError(f"method.randomised must be null or a whole number of 1 or more, got {randomised!r}.")
        self.weight, self.gamma, self.entropy, self.smoothing = weight, gamma, entropy, smoothing
        d, c = self.network.feature_dim, self.network.n_classes
        self.discriminator = nn.Sequential(
            nn.Linear(randomised or d * c, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )
        self.maps = None if randomised is None else RandomMap(d, c, randomised)

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        strength = reversal_strength(self.progress, self.gamma)
        features = reverse_gradient(torch.cat([source.features, target.features]), strength)
        probabilities = torch.cat([source.logits, target.logits]).detach().softmax(dim=1)
        joint = multilinear_map if self.maps is None else self.maps
        logits = self.discriminator(joint(features, probabilities)).squeeze(1)
        weights = certainty(probabilities) if self.entropy else None
        return {"domain": self.weight * domain_loss(logits, len(source.features), weights, smoothing=self.smoothing)}
