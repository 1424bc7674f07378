"""Mixup between sources: examples of two domains added up, and their labels likewise.

Paper    Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018; between domains: Xu et al., AAAI 2020, and Wang et
         al., ICASSP 2020, arXiv:2001.00677, as in Gulrajani & Lopez-Paz, ICLR 2021, arXiv:2007.01434
Loss     mean over a ring of the sources, in an order drawn each step, of l CE(., y_i) + (1 - l) CE(., y_j) at l x_i +
         (1 - l) x_j; one l ~ Beta(alpha, alpha) a pair and step
Uses     labels and domains of the sources; no target example
Departs  1. domains are mixed, as DomainBed has it (first paper: any two examples of a batch)
See      conf/method/mixup.yaml, docs/methods/mixup.md, tests/baselines/test_generalising.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.method.checks import above_zero
from tlbench.method.generalising import GeneralisingMethod
from tlbench.method.views import TargetBatch

Labelled = list[tuple[Tensor, Tensor]]


class Mixup(GeneralisingMethod):
    family = "instance"

    def __init__(self, *, alpha: float, **base: Any) -> None:
        super().__init__(**base)
        above_zero(alpha=alpha)
        self.alpha = alpha

    def losses(self, labelled: Labelled, target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        order, n = torch.randperm(len(labelled)).tolist(), len(labelled)
        shares = torch.distributions.Beta(self.alpha, self.alpha).sample((n,)).tolist()
        return {"classification": self.mixed(labelled, [(order[i], order[(i + 1) % n]) for i in range(n)], shares)}

    def mixed(self, labelled: Labelled, pairs: list[tuple[int, int]], shares: list[float]) -> Tensor:
        """Return the loss of pairs of sources mixed with these shares of the first; the smaller batch of a pair counts."""
        mixtures, kept = [], []
        for (i, j), share in zip(pairs, shares, strict=True):
            (x, y), (u, v) = labelled[i], labelled[j]
            n = min(len(y), len(v))
            mixtures.append((share * x[:n] + (1 - share) * u[:n], y[:n]))
            kept.append((share, y[:n], v[:n]))
        losses = [
            share * self.classification(of.logits, one) + (1 - share) * self.classification(of.logits, other)
            for of, (share, one, other) in zip(self.passed(mixtures), kept, strict=True)
        ]
        return torch.stack(losses).mean()
