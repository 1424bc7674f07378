"""V-REx: risks that are alike in all sources, by a penalty on their variance.

Paper    Krueger et al., Out-of-Distribution Generalization via Risk Extrapolation, ICML 2021, arXiv:2003.00688, eq. 8
Loss     mean of the sources' cross-entropies + weight(t) * their population variance; weight(t) is 1 for the first `warmup`
         of the run
Uses     labels and domains of the sources; no target example
Departs  1. the optimiser goes on where the weight changes (DomainBed starts Adam anew there)
         2. the warm-up is a share of the run (DomainBed: 500 of 5,000 steps)
See      conf/method/vrex.yaml, docs/methods/vrex.md, tests/baselines/test_generalising.py
"""

from typing import Any

from torch import Tensor

from tlbench.method import SourceOutput
from tlbench.method.checks import at_least, between
from tlbench.method.generalising import GeneralisingMethod, warmed


class Vrex(GeneralisingMethod):
    family = "feature"

    def __init__(self, *, weight: float, warmup: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        between(0, 1, warmup=warmup)
        self.weight, self.warmup = weight, warmup

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        weight = warmed(self.weight, self.warmup, self.progress)
        return {"variance": weight * self.risks(domains).var(correction=0)}
