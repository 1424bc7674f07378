"""BNM: target predictions that are sure and spread over the classes, by the nuclear norm of a batch of them.

Paper    Cui et al., Towards Discriminability and Diversity: Batch Nuclear-norm Maximization under Label Insufficient
         Situations, CVPR 2020, arXiv:2003.12237; fast: Cui et al., arXiv:2107.06154, 2021; code: github.com/cuishuhao/BNM
Loss     cross-entropy(source) - weight * mean of the singular values of P, (B, C) target probabilities
Uses     source labels; target inputs only
Departs  1. singular values at the level of rounding have no gradient (authors: whichever direction the decomposition gives)
         2. the whole network follows the recipe (authors: ResNet-50 without a bottleneck, a rate of 0.001 or 0.0003 by the pair)
         3. batch norms see the domains as the recipe says (authors: forwards apart)
Variants of what the sum of the singular values is divided by. mean: min(B, C), as in the authors' script; batch: B, as in
         pytorch-adapt and DALN; sum: nothing, as in the authors' README
Note     fast=true replaces the singular values by the min(B, C) largest lengths of the columns of P
See      conf/method/bnm.yaml, docs/methods/bnm.md, tests/baselines/test_bnm.py
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tlbench.errors import unknown
from tlbench.functional.singular_values import nuclear_norm
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least

VARIANTS: dict[str, Callable[[int, int], int]] = {
    "mean": min,
    "batch": lambda rows, classes: rows,
    "sum": lambda rows, classes: 1,
}
"""What the sum is divided by, from the numbers of rows and classes."""


class Bnm(GradientMethod):
    family = "self-training"
    stacks = ("weight",)

    def __init__(self, *, weight: float, variant: str = "mean", fast: bool = False, **base: Any) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        at_least(0, weight=weight)
        self.weight, self.variant, self.fast = weight, variant, fast

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        p_NC = target.logits.softmax(dim=1)
        norm = longest_columns(p_NC) if self.fast else nuclear_norm(p_NC)
        return {"nuclear": -self.weight * norm / VARIANTS[self.variant](*p_NC.shape)}


def longest_columns(p_NC: Tensor) -> Tensor:
    """Return the sum of the min(N, C) largest Euclidean lengths of the columns of (N, C) (Cui et al., arXiv:2107.06154).

    The nuclear norm where columns are orthogonal, as those of sure predictions are.
    """
    return torch.linalg.vector_norm(p_NC, dim=0).topk(min(p_NC.shape)).values.sum()
