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


def domain_loss(logits_N: Tensor, n_source: int, weights_N: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of domain logits, source rows first (label 1), each domain with weight 1/2.

    Args:
        weights_N: of the examples, > 0; within each domain they count in proportion to their sum there.

    Raises:
        ValueError: a domain has no rows, or there is not one weight an example.
    """
    if not 0 < n_source < len(logits_N):
        raise ValueError(f"domain_loss needs rows of both domains, got {n_source} source rows of {len(logits_N)}.")
    losses_N = torch.cat([F.softplus(-logits_N[:n_source]), F.softplus(logits_N[n_source:])])
    if weights_N is None:
        return (losses_N[:n_source].mean() + losses_N[n_source:].mean()) / 2
    if weights_N.shape != logits_N.shape:
        raise ValueError(f"domain_loss needs one weight an example, got {weights_N.shape} for {logits_N.shape}.")
    source, target = (w / w.sum() for w in (weights_N[:n_source], weights_N[n_source:]))
    return (torch.cat([source, target]) * losses_N).sum() / 2


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
