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

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.errors import TlbenchError
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


def reversal_strength(progress: float, gamma: float) -> float:
    """lambda_p = 2 / (1 + exp(-gamma p)) - 1 for progress p in [0, 1] (section 5.2.2): 0 at the start, near 1 at the end."""
    return 2.0 / (1.0 + math.exp(-gamma * progress)) - 1.0


def domain_loss(logits_N: Tensor, n_source: int) -> Tensor:
    """Binary cross-entropy of domain logits, source rows first (label 1), each domain with weight 1/2.

    Raises:
        ValueError: a domain has no rows.
    """
    if not 0 < n_source < len(logits_N):
        raise ValueError(f"domain_loss needs rows of both domains, got {n_source} source rows of {len(logits_N)}.")
    source, target = logits_N[:n_source], logits_N[n_source:]
    return (F.softplus(-source).mean() + F.softplus(target).mean()) / 2


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """x forward; the gradient times -strength backward (the pseudo-function R of section 4.2)."""
    return _Reverse.apply(x, strength)
