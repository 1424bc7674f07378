"""V-REx: risks that are alike in all sources, by a penalty on their variance.

Paper    Krueger et al., Out-of-Distribution Generalization via Risk Extrapolation, ICML 2021, arXiv:2003.00688, eq. 8
Loss     mean of the sources' cross-entropies + weight(t) * their population variance; weight(t) is 1 for the first `warmup`
         of the run
Uses     labels and domains of the sources; no target example
Departs  1. the optimiser goes on where the weight changes (DomainBed starts Adam anew there)
         2. the warm-up is a share of the run (DomainBed: 500 of 5,000 steps)
See      conf/method/vrex.yaml, docs/methods/vrex.md, tests/baselines/test_generalising.py
"""

from torch import Tensor

from tlbench.method import SourceOutput
from tlbench.method.generalising import WarmedMethod


class Vrex(WarmedMethod):
    term = "variance"

    def penalty(self, domains: list[SourceOutput]) -> Tensor:
        return self.risks(domains).var(correction=0)
