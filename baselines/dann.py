"""DANN: features that a domain classifier cannot tell apart, by gradient reversal.

Paper    Ganin et al., Domain-Adversarial Training of Neural Networks, JMLR 2016, arXiv:1505.07818, sections 4.2, 5.2.2
Loss     cross-entropy(source) + weight * [BCE(D(R(f_s)), 1) + BCE(D(R(f_t)), 0)] / 2;
         R is the identity forward and -lambda backward, lambda = 2 / (1 + exp(-gamma p)) - 1
Uses     source labels; target inputs only
Departs  1. the discriminator's learning rate is the head's
         2. the domain loss is the mean of the two domains' losses (paper: their sum, which is weight=2)
Note     p runs over this run's own length, as in the paper; several ports count iterations instead
See      conf/method/dann.yaml, docs/methods/dann.md, tests/baselines/test_dann.py
"""

from typing import Any

import torch
from torch import Tensor, nn

from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import domain_loss, reversal_strength, reverse_gradient
from tlbench.method import GradientMethod, SourceOutput, TargetOutput


class Dann(GradientMethod):
    family = "adversarial"

    def __init__(self, *, weight: float, gamma: float, hidden: int, **base: Any) -> None:
        super().__init__(**base)
        if not (weight >= 0 and gamma > 0 and hidden >= 1):
            raise TlbenchError(
                f"method.weight >= 0, method.gamma > 0 and method.hidden >= 1 are needed, got {weight}, {gamma}, {hidden}."
            )
        self.weight, self.gamma = weight, gamma
        self.discriminator = nn.Sequential(
            nn.Linear(self.network.feature_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        strength = reversal_strength(self.progress, self.gamma)
        features = torch.cat([source.features, target.features])
        logits = self.discriminator(reverse_gradient(features, strength)).squeeze(1)
        return {"domain": self.weight * domain_loss(logits, n_source=len(source.features))}
