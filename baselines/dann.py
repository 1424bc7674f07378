"""DANN: features that a domain classifier cannot tell apart, by gradient reversal.

Paper    Ganin et al., Domain-Adversarial Training of Neural Networks, JMLR 2016, arXiv:1505.07818, sections 4.2, 5.2.2
Loss     cross-entropy(source) + weight * [BCE(D(R(f_s)), 1) + BCE(D(R(f_t)), 0)] / 2;
         R is the identity forward and -lambda backward, lambda = 2 / (1 + exp(-gamma p)) - 1
Uses     source labels; target inputs only
Departs  1. the discriminator's learning rate is the head's
         2. the domain loss is the mean of the two domains' losses (paper: their sum, which is weight=2)
Variants of lambda. paper: p over this run's own length; constant: 1 (pytorch-adapt, WILDS); iterations: p = steps done / 10,000
         (TLlib, UDABench); early: near 1 from the first step on (AdaTime)
Note     `smoothing` is environment label smoothing (Zhang et al., ICLR 2023, arXiv:2302.00194): domain labels 1 - smoothing and
         smoothing in place of 1 and 0
See      conf/method/dann.yaml, docs/methods/dann.md, tests/baselines/test_dann.py
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.errors import Refused, TlbenchError, unknown
from tlbench.functional.adversarial import (
    constant_strength,
    domain_loss,
    early_strength,
    over_the_run,
    reverse_gradient,
    strength_by_iterations,
)
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import between

VARIANTS: dict[str, Callable[[float, int, float], float]] = {
    "paper": over_the_run,
    "constant": constant_strength,
    "iterations": strength_by_iterations,
    "early": early_strength,
}
"""Strength of the reversal by (progress, steps of the run, gamma)."""
GAMMA = 10.0
"""The config's, and the only one that a schedule without a gamma goes with."""


class Dann(GradientMethod):
    family = "adversarial"
    later = {"smoothing": 0.0}

    def __init__(
        self,
        *,
        weight: float,
        gamma: float,
        hidden: int,
        variant: str = "paper",
        smoothing: float = 0.0,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        if not (weight >= 0 and gamma > 0 and hidden >= 0):
            raise TlbenchError(
                f"method.weight >= 0, method.gamma > 0 and method.hidden >= 0 are needed, got {weight}, {gamma}, {hidden}."
            )
        if variant == "constant" and gamma != GAMMA:
            raise Refused(f"method.gamma={gamma} has no say with method.variant=constant. Leave it at {GAMMA:g}.")
        between(0, 0.5, smoothing=smoothing)
        self.weight, self.gamma, self.variant, self.smoothing = weight, gamma, variant, smoothing
        width = self.network.feature_dim
        layers = [nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()] if hidden else []
        self.discriminator = nn.Sequential(*layers, nn.Linear(hidden or width, 1))

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        strength = VARIANTS[self.variant](self.progress, self.steps, self.gamma)
        features = torch.cat([source.features, target.features])
        logits = self.discriminator(reverse_gradient(features, strength)).squeeze(1)
        return {"domain": self.weight * domain_loss(logits, len(source.features), smoothing=self.smoothing)}
