"""IWAN: source examples that a second domain classifier tells from the target count little for the adversary.

Paper    Zhang et al., Importance Weighted Adversarial Nets for Partial Domain Adaptation, CVPR 2018, arXiv:1803.09210, section 3;
         settings: TLlib
Loss     cross-entropy(source) + auxiliary * L(D'(f)) + weight * L_w(D(R(f))) + entropy * mean entropy of the target's
         predictions; L the halved binary cross-entropy of the domains, no gradient from D' into f, R as in dann; L_w with weights
         w = 1 - D'(f_s) of the source examples over their mean, without a gradient
Uses     source labels; target inputs only; not which classes the target lacks
Departs  1. source and target share one extractor of features (paper: the source's stays, the target's starts from it)
         2. the entropy trains the last layer too (paper: the features alone, from memory)
         3. lambda grows over this run's own length (TLlib: over 1,000 steps, from memory)
See      conf/method/iwan.yaml, docs/methods/iwan.md, tests/baselines/test_partial.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.functional.entropy import mean_entropy
from tlbench.method import SourceOutput, TargetOutput
from tlbench.method.checks import at_least
from tlbench.method.weighed_adversary import WeighedAdversaryMethod


class Iwan(WeighedAdversaryMethod):
    def __init__(self, *, entropy: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, entropy=entropy)
        self.entropy = entropy

    def weights(self, source: SourceOutput, target: TargetOutput) -> Tensor:
        weights_N = 1 - self.source_likeness(source.features)
        self.told["counted"] = weights_N.sum().square() / (len(weights_N) * weights_N.square().sum())
        return torch.cat([weights_N, torch.ones_like(target.features[:, 0])])

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        terms = super().adaptation_terms(source, target)
        if self.entropy:
            terms["entropy"] = self.entropy * mean_entropy(target.logits)
        return terms
