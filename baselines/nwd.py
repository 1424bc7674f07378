"""DALN: the head itself is the adversary; it tells the domains apart by the nuclear norms of its predictions.

Paper    Chen et al., Reusing the Task-specific Classifier as a Discriminator: Discriminator-free Adversarial Domain Adaptation,
         CVPR 2022, arXiv:2204.03838; code: github.com/xiaoachen98/DALN
Loss     cross-entropy(source) + weight * (|P_t| / B_t - |P_s| / B_s) (+ confusion * MCC(target)), |P| the nuclear norm of
         P = softmax(head's last layer on R(f)); R is the identity forward and -lambda backward, lambda as in dann
Uses     source labels; target inputs only
Departs  1. lambda grows over this run's own length (authors: over iterations, 2 / (1 + exp(-i / 1000)) - 1)
         2. each norm is divided by its own domain's number of rows (authors: both by the target's)
         3. singular values at the level of rounding have no gradient, as in bnm
         4. the adversary is the recipe's last layer
Note     confusion above 0 is the paper's MCC+NWD, with MCC's temperature of 2.5
See      conf/method/nwd.yaml, docs/methods/nwd.md, tests/baselines/test_nwd.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.adversarial import reversal_strength, reverse_gradient
from tlbench.functional.class_confusion import PAPER_TEMPERATURE, class_confusion
from tlbench.functional.singular_values import nuclear_norm
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import above_zero, at_least


class Nwd(GradientMethod):
    family = "adversarial"
    stacks = ("weight",)

    def __init__(self, *, weight: float, gamma: float, confusion: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight, confusion=confusion)
        above_zero(gamma=gamma)
        self.weight, self.gamma, self.confusion = weight, gamma, confusion

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        strength = reversal_strength(self.progress, self.gamma)
        p_s, p_t = (
            self.network.head.last(reverse_gradient(of.features, strength)).softmax(dim=1) for of in (source, target)
        )
        terms = {"discrepancy": self.weight * (mean_norm(p_t) - mean_norm(p_s))}
        if self.confusion:
            terms["confusion"] = self.confusion * class_confusion(target.logits, PAPER_TEMPERATURE)
        return terms


def mean_norm(p_NC: Tensor) -> Tensor:
    """Return the nuclear norm of (N, C) probabilities over N: at most sqrt(min(N, C) / N), where all are sure and spread."""
    return nuclear_norm(p_NC) / len(p_NC)
