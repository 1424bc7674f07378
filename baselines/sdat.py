"""SDAT: CDAN whose task loss is taken where it is highest nearby, so that the adversary works on a smooth minimum.

Paper    Rangwani et al., A Closer Look at Smoothness in Domain Adversarial Training, ICML 2022, arXiv:2206.08213, section 4
Loss     T = cross-entropy(source) (+ confusion * MCC(target)); g the gradient of T over all weights of the network, the domain
         classifier left out; the step is along the gradient of T + weight * CDAN's domain loss at weights + rho g / (|g| + 1e-12)
Uses     source labels; target inputs only
Departs  1. batch norms keep their running statistics in the first pass (authors: they move twice a step)
         2. those of cdan and mcc
Note     rho=0 is cdan, with confusion above 0 cdan and mcc added up; confusion=1 is the paper's CDAN+MCC with SDAT; `smoothing`
         is environment label smoothing (Zhang et al., ICLR 2023, arXiv:2302.00194)
See      conf/method/sdat.yaml, docs/methods/sdat.md, tests/baselines/test_sdat.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.functional.class_confusion import PAPER_TEMPERATURE, class_confusion
from tlbench.method import ConditionalAdversaryMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least
from tlbench.method.phases import Ascent
from tlbench.method.views import TargetBatch


class Sdat(ConditionalAdversaryMethod):
    def __init__(self, *, rho: float, confusion: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, rho=rho, confusion=confusion)
        self.rho, self.confusion = rho, confusion
        self.passes = 2 if rho else 1

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        terms = super().adaptation_terms(source, target)
        if self.confusion:
            terms["confusion"] = self.confusion * class_confusion(target.logits, PAPER_TEMPERATURE)
        return terms

    def ascent(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> Ascent:
        def task_loss() -> Tensor:
            terms = self.losses(labelled, target)
            return torch.stack([term for name, term in terms.items() if name != "domain"]).sum()

        return Ascent(task_loss, list(self.network.parameters()), self.rho)
