"""Deep CORAL: make the feature covariances of the two domains equal.

Paper    Sun & Saenko, Deep CORAL, ECCV Workshops 2016, arXiv:1607.01719, eqs. 1-3
Loss     cross-entropy(source) + weight * |C_s - C_t|_F^2 / (4 D^2)
Uses     source labels; target inputs only
Departs  1. penalty on the bottleneck features (paper: the last fully connected layer, here variant=logits)
Variants paper: the above, blind to the means; logits: the same on the last layer; mean: means over entries, and the domains'
         means matched too (TLlib, DomainBed, WILDS); scatter: sums of squares in place of covariances (AdaTime)
See      conf/method/coral.yaml, docs/methods/coral.md, tests/baselines/test_coral.py
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from tlbench.errors import unknown
from tlbench.functional.moments import coral_loss, moment_loss, scatter_loss
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least


class Coral(GradientMethod):
    family = "feature"
    stacks = ("weight",)

    def __init__(self, *, weight: float, variant: str = "paper", **base: Any) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        at_least(0, weight=weight)
        self.weight, self.variant = weight, variant

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        on_logits, loss = self.variant == "logits", VARIANTS[self.variant]
        xs, xt = ((of.logits if on_logits else of.features) for of in (source, target))
        return {"coral": self.weight * loss(xs, xt)}


VARIANTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "paper": coral_loss,
    "logits": coral_loss,
    "mean": moment_loss,
    "scatter": scatter_loss,
}
