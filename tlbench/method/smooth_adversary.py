"""Methods whose task loss is climbed before the adversary's step: SDAT, and what is built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tlbench.functional.class_confusion import PAPER_TEMPERATURE, class_confusion
from tlbench.method.checks import above_zero, at_least
from tlbench.method.conditional_adversary import ConditionalAdversaryMethod
from tlbench.method.phases import Ascent

if TYPE_CHECKING:
    from tlbench.method.gradient import SourceOutput, TargetOutput
    from tlbench.method.views import TargetBatch


class SmoothAdversaryMethod(ConditionalAdversaryMethod):
    """Base of such methods; its terms are `domain` and `confusion`. All terms but the domain loss are climbed.

    Source: Rangwani et al., ICML 2022, arXiv:2206.08213, section 4. Arguments beside those of `ConditionalAdversaryMethod`:

    Args:
        rho: length of the climb over the weights of the network, >= 0; 0: none.
        confusion: factor of MCC on the target, >= 0.
        temperature: of its probabilities, > 0.
    """

    def __init__(self, *, rho: float, confusion: float, temperature: float = PAPER_TEMPERATURE, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, rho=rho, confusion=confusion)
        above_zero(temperature=temperature)
        self.rho, self.confusion, self.temperature = rho, confusion, temperature
        self.passes = 2 if rho else 1

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        terms = super().adaptation_terms(source, target)
        if self.confusion:
            terms["confusion"] = self.confusion * class_confusion(target.logits, self.temperature)
        return terms

    def climbed(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        """Return the terms of what is climbed; the domain loss among them is left out."""
        return self.losses(labelled, target)

    def ascent(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> Ascent:
        def task_loss() -> Tensor:
            terms = self.climbed(labelled, target)
            return torch.stack([term for name, term in terms.items() if name != "domain"]).sum()

        return Ascent(task_loss, list(self.network.parameters()), self.rho)
