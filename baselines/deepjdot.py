"""DeepJDOT: optimal transport of each batch sends the source's features and labels to where the target's are to be.

Paper    Damodaran et al., DeepJDOT: Deep Joint Distribution Optimal Transport for Unsupervised Domain Adaptation, ECCV 2018,
         arXiv:1803.10081; code: github.com/bbdamodaran/deepJDOT
Loss     cross-entropy(source) + weight * sum_ij g_ij (alpha |f_i - f_j|^2 - log p(y_i | z_j)), f_i and y_i of the source, f_j
         and z_j of the target; g the exact plan of a batch with uniform marginals, without a gradient
Uses     source labels; target inputs only
Departs  1. batches are the recipe's (authors: 500 a domain, the source's with 50 of each class)
         2. the plan is of the outputs that the loss is of, in training mode (authors: of outputs in test mode)
         3. the network starts as the recipe says (authors: trained on the source)
         4. the label cost of the plan is the loss's (authors: variant=authors)
Variants of the cost whose plan is taken. same: that of the loss, as in SKADA; authors: |one-hot y_i - p_j|^2 in place of -log p
Note     the paper's alpha is weight * alpha, its lambda_t is weight
See      conf/method/deepjdot.yaml, docs/methods/deepjdot.md, tests/baselines/test_deepjdot.py
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.errors import unknown
from tlbench.functional.kernels import squared_distances
from tlbench.functional.transport import exact_plan, need_pot
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least

VARIANTS = ("same", "authors")


class DeepJdot(GradientMethod):
    family = "feature"

    def __init__(self, *, weight: float, alpha: float, variant: str = "same", **base: Any) -> None:
        super().__init__(**base)
        need_pot("deepjdot")
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        at_least(0, weight=weight, alpha=alpha)
        self.weight, self.alpha, self.variant = weight, alpha, variant

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        far_NM = squared_distances(source.features, target.features)
        unlike_NM = cross_entropies(source.labels, target.logits)
        told_NM = unlike_NM if self.variant == "same" else squared_errors(source.labels, target.logits)
        plan_NM = batch_plan(self.alpha * far_NM + told_NM)
        terms = {"label_cost": self.weight * (plan_NM * unlike_NM).sum()}
        if self.alpha:
            terms["feature_cost"] = self.weight * self.alpha * (plan_NM * far_NM).sum()
        return terms


def cross_entropies(labels_N: Tensor, logits_MC: Tensor) -> Tensor:
    """Return (N, M) -log p_j(y_i), of each source label under each target prediction."""
    return -logits_MC.log_softmax(dim=1).T[labels_N]


def squared_errors(labels_N: Tensor, logits_MC: Tensor) -> Tensor:
    """Return (N, M) squared distances of each one-hot source label to each target prediction: 0 to 2."""
    p_MC = logits_MC.softmax(dim=1)
    return squared_distances(F.one_hot(labels_N, logits_MC.shape[1]).to(p_MC.dtype), p_MC)


def batch_plan(cost_NM: Tensor) -> Tensor:
    """Return the exact plan of a cost, worked out in double precision and a constant to autograd.

    Where a cost is not finite there is none, and all pairs get one share: the loss is then not finite, and said to be so.
    """
    cost_NM = cost_NM.detach()
    if not torch.isfinite(cost_NM).all():
        return torch.full_like(cost_NM, 1 / cost_NM.numel())
    plan_NM = exact_plan(cost_NM.double().cpu().numpy(), fewer="optim.batch_size=...")
    return torch.from_numpy(plan_NM).to(cost_NM)
