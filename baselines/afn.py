"""AFN: features of both domains made longer, step by step or up to one length.

Paper    Xu et al., Larger Norm More Transferable: An Adaptive Feature Norm Approach for Unsupervised Domain Adaptation,
         ICCV 2019, arXiv:1811.07456; code: github.com/jihanyang/AFN
Loss     cross-entropy(source) + weight * (norm loss of the source's features + norm loss of the target's)
         (+ entropy * mean entropy of the target's predictions, the paper's "+ENT")
Uses     source labels; target inputs only
Departs  1. features are the recipe's bottleneck (paper: 1000 wide, linear, batch norm, ReLU, dropout of 0.5; on VisDA-2017 two)
         2. dropout keeps the features' mean (paper: their mean squared length)
         3. momentum is the recipe's for all weights (authors: none for the backbone)
         4. hard trains with the target from the first step on (authors: 60 epochs on the source before)
         5. batch norms see the domains as the recipe says (authors: forwards apart)
Variants stepwise: mean of (|f| - its own value, without a gradient, - delta)^2, SAFN; hard: (mean of |f| - radius)^2, HAFN
See      conf/method/afn.yaml, docs/methods/afn.md, tests/baselines/test_afn.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.errors import Refused, unknown
from tlbench.functional.entropy import mean_entropy
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import above_zero, at_least

VARIANTS = ("stepwise", "hard")
DELTA, RADIUS = 1.0, 25.0
"""The config's, and the only ones in the variant that does not read them."""


class Afn(GradientMethod):
    family = "feature"
    stacks = ("weight", "delta", "radius")

    def __init__(
        self,
        *,
        weight: float,
        delta: float = DELTA,
        radius: float = RADIUS,
        entropy: float = 0.0,
        variant: str = "stepwise",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        at_least(0, weight=weight, entropy=entropy)
        above_zero(delta=delta, radius=radius)
        for name, value, plain, reader in (("delta", delta, DELTA, "stepwise"), ("radius", radius, RADIUS, "hard")):
            if value != plain and variant != reader:
                raise Refused(f"method.{name}={value} has no say with method.variant={variant}. Leave it at {plain:g}.")
        self.weight, self.delta, self.radius, self.entropy, self.variant = weight, delta, radius, entropy, variant

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        norm = self._norm_loss(source.features) + self._norm_loss(target.features)
        terms = {"norm": self.weight * norm}
        if self.entropy:
            terms["entropy"] = self.entropy * mean_entropy(target.logits)
        return terms

    def _norm_loss(self, features: Tensor) -> Tensor:
        return stepwise_loss(features, self.delta) if self.variant == "stepwise" else hard_loss(features, self.radius)


def stepwise_loss(x_NF: Tensor, delta: float) -> Tensor:
    """Compute the mean of (|x| - sg(|x|) - delta)^2, sg without a gradient: delta^2 whatever x is, with -2 delta x / |x| / N as
    the gradient of a row and 0 as that of a row of zeros (Xu et al., stepwise adaptive feature norm)."""
    lengths_N = torch.linalg.vector_norm(x_NF, dim=1)
    return (lengths_N - lengths_N.detach() - delta).square().mean()


def hard_loss(x_NF: Tensor, radius: float) -> Tensor:
    """Compute (mean of |x| - radius)^2: the mean before the square (Xu et al., hard adaptive feature norm)."""
    return (torch.linalg.vector_norm(x_NF, dim=1).mean() - radius).square()
