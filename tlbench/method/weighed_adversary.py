"""Methods whose domain classifier weighs examples by what a second one says, which no feature is trained to fool."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tlbench.functional.adversarial import domain_loss
from tlbench.method.adversary import AdversaryMethod, domain_classifier
from tlbench.method.checks import at_least

if TYPE_CHECKING:
    from tlbench.method.gradient import SourceOutput, TargetOutput


class WeighedAdversaryMethod(AdversaryMethod):
    """Base of such methods; the term `domain` is the loss of both domain classifiers, as the second alone moves no feature.

    Args:
        auxiliary: factor of the second one's loss, >= 0: how fast it learns.
    """

    def __init__(self, *, auxiliary: float, hidden: int, **base: Any) -> None:
        super().__init__(hidden=hidden, **base)
        at_least(0, auxiliary=auxiliary)
        self.auxiliary = auxiliary
        self.second = domain_classifier(self.network.feature_dim, hidden)

    @abstractmethod
    def weights(self, source: SourceOutput, target: TargetOutput) -> Tensor:
        """Return (N + M,) weights >= 0 of the adversary's examples, source first, without a gradient.

        In each domain they count in proportion to their sum.
        """

    def source_likeness(self, features_NF: Tensor) -> Tensor:
        """Return (N,) how likely the second domain classifier takes each row to be of the source, without a gradient."""
        with torch.no_grad():
            return self.second(features_NF).squeeze(1).sigmoid()

    def domain_inputs(self, features: Tensor, source: SourceOutput, target: TargetOutput) -> tuple[Tensor, Tensor]:
        return features, self.weights(source, target)

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        terms = super().adaptation_terms(source, target)
        logits = self.second(torch.cat([source.features, target.features]).detach()).squeeze(1)
        second = self.auxiliary * domain_loss(logits, len(source.features))
        self.told["second"] = second.detach()
        return {"domain": terms["domain"] + second}
