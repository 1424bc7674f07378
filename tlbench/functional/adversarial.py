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
    """Return lambda_p = 2 / (1 + exp(-gamma p)) - 1 for progress p in [0, 1] (section 5.2.2), from 0 to near 1."""
    return 2.0 / (1.0 + math.exp(-gamma * progress)) - 1.0


def domain_loss(logits_N: Tensor, n_source: int, weights_N: Tensor | None = None, *, smoothing: float = 0.0) -> Tensor:
    """Compute the binary cross-entropy of domain logits, source rows first (label 1), each domain with weight 1/2.

    Args:
        weights_N: of the examples, > 0; within each domain they count in proportion to their sum there.
        smoothing: the labels are 1 - smoothing and smoothing, not 1 and 0 (Zhang et al., ICLR 2023, arXiv:2302.00194); at 1/2 the
            two are one.

    Raises:
        ValueError: a domain has no rows, or there is not one weight an example.
    """
    if not 0 < n_source < len(logits_N):
        raise ValueError(f"domain_loss needs rows of both domains, got {n_source} source rows of {len(logits_N)}.")
    signs_N = torch.ones_like(logits_N)
    signs_N[:n_source] = -1.0
    losses_N = F.softplus(signs_N * logits_N)
    if smoothing:
        losses_N = (1 - smoothing) * losses_N + smoothing * F.softplus(-signs_N * logits_N)
    if weights_N is None:
        return (losses_N[:n_source].mean() + losses_N[n_source:].mean()) / 2
    if weights_N.shape != logits_N.shape:
        raise ValueError(f"domain_loss needs one weight an example, got {weights_N.shape} for {logits_N.shape}.")
    source, target = (w / w.sum() for w in (weights_N[:n_source], weights_N[n_source:]))
    return (torch.cat([source, target]) * losses_N).sum() / 2


class _Reverse(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, strength: float) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        ctx.strength = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    """Return x forward; the gradient times -strength backward (the pseudo-function R of section 4.2)."""
    return _Reverse.apply(x, strength)


def over_the_run(progress: float, steps: int, gamma: float) -> float:
    """Return `reversal_strength` over the run's own length, as in the paper."""
    return reversal_strength(progress, gamma)


def constant_strength(progress: float, steps: int, gamma: float) -> float:
    """Return 1 from the first step on, as in pytorch-adapt and WILDS."""
    return 1.0


def strength_by_iterations(progress: float, steps: int, gamma: float) -> float:
    """Return `reversal_strength` at (steps done) / 10,000, whatever the run's length.

    With gamma = 10 the curve of TLlib (alpha 1 over 1,000 iterations) and UDABench (alpha 10 over 10,000): 0.46 after 1,000
    steps, 0.96 after 4,000.
    """
    return reversal_strength(progress * steps / 10_000, gamma)


def early_strength(progress: float, steps: int, gamma: float, epochs: int = 40) -> float:
    """Return `reversal_strength` at (t + B) / epochs + 1 / B, after t steps with B = steps / epochs in each epoch, as in AdaTime.

    There the progress lacks a bracket and its epochs count from 1: it grows by 1 in every 40 steps, and with gamma = 10 the
    strength is above 0.91 at the first step of any run. 40 is that benchmark's number of epochs; a run is taken to have as many.
    """
    batches = steps / epochs
    return reversal_strength((progress * steps + batches) / epochs + 1 / batches, gamma)
