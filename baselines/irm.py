"""IRM: features on which one classifier is best for every source, by how far a factor on its logits could still help each.

Paper    Arjovsky et al., Invariant Risk Minimization, arXiv:1907.02893 (number from memory), IRMv1, eq. 5 and section 3.2
Loss     mean of the sources' cross-entropies + weight(t) * mean_e g_e g'_e, g the derivative of the cross-entropy by a factor on
         the logits at 1, of the even and of the odd examples: an unbiased estimate of its square, which may be below 0
Uses     labels and domains of the sources; no target example
Departs  1. the optimiser goes on where the weight changes (DomainBed starts Adam anew there)
         2. the warm-up, with a weight of 1, is a share of the run (DomainBed: 500 of 5,000 steps)
See      conf/method/irm.yaml, docs/methods/irm.md, tests/baselines/test_generalising.py
"""

import torch
from torch import Tensor

from tlbench.method import SourceOutput
from tlbench.method.generalising import WarmedMethod


class Irm(WarmedMethod):
    term = "invariance"

    def penalty(self, domains: list[SourceOutput]) -> Tensor:
        products = [
            scale_slope(of.logits[::2], of.labels[::2]) * scale_slope(of.logits[1::2], of.labels[1::2])
            for of in domains
        ]
        return torch.stack(products).mean()


def scale_slope(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Return d/ds of the mean cross-entropy of s * logits at s = 1: mean_i (sum_c p_ic z_ic - z_i of its label)."""
    expected_B = (logits_BC.softmax(dim=1) * logits_BC).sum(dim=1)
    return (expected_B - logits_BC.gather(1, labels_B[:, None])[:, 0]).mean()
