"""Self-ensembling: a network agrees on the target with a teacher, the average of what it has been, where that is sure.

Paper    French, Mackiewicz & Fisher, Self-Ensembling for Visual Domain Adaptation, ICLR 2018, arXiv:1706.05208, section 3; the
         mean teacher of Tarvainen & Valpola, NeurIPS 2017, arXiv:1703.01780
Loss     cross-entropy(source) + weight * [1/B sum_i [max q_i > threshold] mean_c (p_ic - q_ic)^2
                                           + balance * share kept * sum_c BCE(mean p_c, 1/C)];
         p of the network on one draw of the training view, q of the teacher on another, without a gradient; after each step
         the teacher's weights are decay * theirs + (1 - decay) * the network's, and the teacher predicts
Uses     source labels; target inputs only
Departs  1. the teacher normalises by the batch, as the authors', but its running statistics, with which it predicts, are the
            average of the network's (authors: of its own batches)
         2. of arrays there is one draw: network and teacher differ by dropout and by the average alone
         3. mean p is kept within 1e-6 of 0 and 1 in the logarithms
Variants of the balance. authors: a sum over classes; tllib: a mean over classes
See      conf/method/self_ensembling.yaml, docs/methods/self_ensembling.md, tests/baselines/test_self_ensembling.py
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tlbench.errors import unknown
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.average import Average
from tlbench.method.checks import at_least, between
from tlbench.method.phases import still_statistics

TINY = 1e-6
VARIANTS: dict[str, Callable[[Tensor], Tensor]] = {"authors": torch.sum, "tllib": torch.mean}


class SelfEnsembling(GradientMethod):
    family = "self-training"
    target_views = ("train", "again")

    def __init__(
        self,
        *,
        weight: float,
        decay: float,
        threshold: float,
        balance: float,
        variant: str = "authors",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        at_least(0, weight=weight, threshold=threshold, balance=balance)
        between(0, 1, decay=decay)
        self.weight, self.decay, self.threshold, self.balance = weight, decay, threshold, balance
        self.over_classes = VARIANTS[variant]
        self.teacher = Average(self.network)

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        with torch.no_grad(), still_statistics(self.teacher):
            taught = self.seen(target.inputs["again"], self.teacher.module)[1].softmax(dim=1)
        learnt = target.logits.softmax(dim=1)
        agreement, kept = consistency(learnt, taught, self.threshold)
        self.told["kept"] = kept
        terms = {"consistency": self.weight * agreement}
        if self.balance:
            terms["balance"] = self.weight * self.balance * kept * self.over_classes(uneven(learnt))
        return terms

    def after_step(self) -> None:
        self.teacher.follow(self.network, self.decay)

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the teacher's features and probabilities."""
        features, logits = self.teacher.module(x)
        return features.float(), logits.float().softmax(dim=1)


def consistency(p_BC: Tensor, q_BC: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Return 1/B sum over rows with max q > threshold of the mean over classes of (p - q)^2, and the share of these rows."""
    kept_B = (q_BC.max(dim=1).values > threshold).to(p_BC.dtype)
    return (kept_B * (p_BC - q_BC).square().mean(dim=1)).mean(), kept_B.mean()


def uneven(p_BC: Tensor) -> Tensor:
    """Return (C,) binary cross-entropies of the mean probability of each class with 1 / C; least where all are 1 / C."""
    share = 1.0 / p_BC.shape[1]
    mean_C = p_BC.mean(dim=0).clamp(TINY, 1 - TINY)
    return -(share * mean_C.log() + (1 - share) * (1 - mean_C).log())
