"""Group DRO: the sources' losses weighed by how large they have been, so that the worst source counts most.

Paper    Sagawa et al., Distributionally Robust Neural Networks for Group Shifts, ICLR 2020, arXiv:1911.08731, algorithm 1
Loss     sum_e q_e R_e; before each step q_e <- q_e exp(eta R_e), and all divided by their sum
Uses     labels and domains of the sources; no target example
Departs  1. groups are source domains, as DomainBed has it (paper: of a domain and a class)
See      conf/method/groupdro.yaml, docs/methods/groupdro.md, tests/baselines/test_generalising.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.method import SourceOutput
from tlbench.method.checks import at_least
from tlbench.method.generalising import GeneralisingMethod
from tlbench.tasks import Task


class Groupdro(GeneralisingMethod):
    family = "instance"
    q_E: Tensor

    def __init__(self, *, eta: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, eta=eta)
        self.eta = eta

    def prepare(self, task: Task) -> None:
        super().prepare(task)
        self.register_buffer("q_E", torch.full((len(task.sources),), 1 / len(task.sources)))

    def terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        risk_E = self.risks(domains)
        grown_E = self.q_E * (self.eta * risk_E.detach()).exp()
        self.q_E.copy_(grown_E / grown_E.sum())
        self.told["largest_share"] = self.q_E.max()
        return {"classification": (self.q_E.clone() * risk_E).sum()}
