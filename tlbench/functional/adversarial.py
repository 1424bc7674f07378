"""What adversarial methods share: gradient reversal, its schedule and the loss of a domain classifier.

Paper: Ganin et al., Domain-Adversarial Training of Neural Networks, JMLR 2016, arXiv:1505.07818.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


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
