"""Spectral decoupling: small logits, so that no feature is learnt at the cost of the others.

Paper    Pezeshki et al., Gradient Starvation: A Learning Proclivity in Neural Networks, NeurIPS 2021, arXiv:2011.09468, eq. 14
         (number from memory)
Loss     mean cross-entropy + weight * mean over examples and classes of the squared logits
Uses     labels and domains of the sources; no target example
Departs  1. the mean over classes too, as DomainBed has it (paper: half the squared length of an example's logits)
See      conf/method/sd.yaml, docs/methods/sd.md, tests/baselines/test_generalising.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.method import SourceOutput
from tlbench.method.checks import at_least
from tlbench.method.generalising import GeneralisingMethod


class Sd(GeneralisingMethod):
    family = "parameter"
    stacks = ("weight",)

    def __init__(self, *, weight: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        self.weight = weight

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        return {"decoupling": self.weight * torch.cat([of.logits for of in domains]).square().mean()}
