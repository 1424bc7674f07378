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

from tlbench.errors import Refused, unknown
from tlbench.functional.adversarial import (
    constant_strength,
    early_strength,
    over_the_run,
    strength_by_iterations,
)
from tlbench.method import AdversaryMethod

VARIANTS: dict[str, Callable[[float, int, float], float]] = {
    "paper": over_the_run,
    "constant": constant_strength,
    "iterations": strength_by_iterations,
    "early": early_strength,
}
"""Strength of the reversal by (progress, steps of the run, gamma)."""
GAMMA = 10.0
"""The config's, and the only one that a schedule without a gamma goes with."""


class Dann(AdversaryMethod):
    later = {"smoothing": 0.0}
    stacks = ("weight",)

    def __init__(self, *, gamma: float, variant: str = "paper", **base: Any) -> None:
        super().__init__(gamma=gamma, **base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        if variant == "constant" and gamma != GAMMA:
            raise Refused(f"method.gamma={gamma} has no say with method.variant=constant. Leave it at {GAMMA:g}.")
        self.variant = variant

    def strength(self) -> float:
        return VARIANTS[self.variant](self.progress, self.steps, self.gamma)
