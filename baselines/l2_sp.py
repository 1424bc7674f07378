"""L2-SP: weights of the backbone are pulled to where they started, those of the head to 0.

Paper    Li, Grandvalet & Davoine, Explicit Inductive Bias for Transfer Learning with Convolutional Networks, ICML 2018,
         arXiv:1802.01483
Loss     cross-entropy(shots) + alpha / 2 * |backbone - its start|^2 + beta / 2 * |head|^2
Uses     target shots; with init=source the source model
Departs  1. biases and the affine parts of norms are pulled as weights are, statistics of batch norms are not
         2. with init=source the head, which is the source's, is pulled to 0 too
Note     weight decay would pull the backbone to 0 besides: the recipe, and so that of the references, has none.
         alpha=0 and beta=0 is `fine_tune` to the bit
See      conf/method/l2_sp.yaml, docs/methods/l2_sp.md, tests/baselines/test_tuning_terms.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.weight_penalties import squared_length
from tlbench.method.checks import at_least
from tlbench.method.fine_tuned import FineTuned, Kept, ShotsOutput, refuse_fixed
from tlbench.tasks import Task


class L2Sp(FineTuned):
    def __init__(self, *, alpha: float, beta: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, alpha=alpha, beta=beta)
        self.alpha, self.beta = alpha, beta

    def prepare(self, task: Task) -> None:
        refuse_fixed(self.network, "l2_sp", "holds a backbone to its start")
        self.start = Kept(self.network.backbone)

    def tuning_terms(self, shots: ShotsOutput) -> dict[str, Tensor]:
        terms = {}
        if self.alpha:
            pairs = zip(self.network.backbone.parameters(), self.start.module.parameters(), strict=True)
            terms["start"] = self.alpha / 2 * squared_length(p - q for p, q in pairs)
        if self.beta:
            terms["head"] = self.beta / 2 * squared_length(self.network.head.parameters())
        return terms
