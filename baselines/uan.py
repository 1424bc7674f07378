"""UAN: source and target examples count for the adversary by how much they look like those of the classes in common.

Paper    You et al., Universal Domain Adaptation, CVPR 2019, section 3; code: github.com/thuml/Universal-Domain-Adaptation
Loss     cross-entropy(source) + auxiliary * L(D'(f)) + weight * L_w(D(R(f))); L the halved binary cross-entropy of the domains,
         no gradient from D' into f, R as in dann; L_w weighs source examples by H_10 - d', target examples by d' - H_1, each
         scaled to [0, 1] within the batch and divided by its mean, without a gradient; d' = D'(f),
         H_T = entropy of softmax(logits / T) / log K
Uses     source labels; target inputs only
Predicts the likeliest class; unknown where d' - H_1 < threshold
Departs  1. the domain losses are halved, as in dann (authors: sums, which is weight=2 and auxiliary=2)
         2. lambda grows over this run's own length (authors: over 10,000 steps)
         3. equal weights where all of a batch are one number (authors: 0 / 0)
         4. source batches and rates are the recipe's (authors: 36 with all classes equally often, 0.001)
Variants paper: as above; authors: the cross-entropy is given probabilities for logits, so that it takes softmax twice
See      conf/method/uan.yaml, docs/methods/uan.md, tests/baselines/test_unknown_classes.py
"""

import math
from typing import Any

import torch
from torch import Tensor

from tlbench.functional.entropy import entropies
from tlbench.method import SourceOutput, TargetOutput
from tlbench.method.checks import between, one_of
from tlbench.method.rejecting import RejectingMethod
from tlbench.method.weighed_adversary import WeighedAdversaryMethod

VARIANTS = ("paper", "authors")
SOFT = 10.0
"""Temperature of the source's entropies: its predictions are all sure otherwise."""


class Uan(RejectingMethod, WeighedAdversaryMethod):
    def __init__(self, *, threshold: float, variant: str = "paper", **base: Any) -> None:
        super().__init__(**base)
        between(-1, 1, threshold=threshold)
        one_of(VARIANTS, variant=variant)
        self.threshold, self.variant = threshold, variant

    def classification(self, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        """Return the mean cross-entropy, of probabilities taken for logits in the authors' variant."""
        return super().classification(logits_BC.softmax(dim=1) if self.variant == "authors" else logits_BC, labels_B)

    def commonness(self, features_NF: Tensor, logits_NK: Tensor, temperature: float = 1.0) -> Tensor:
        """Return (N,) d' - H in [-1, 1], without a gradient: high where an example looks like the source and surely of a
        class."""
        entropy_N = entropies(logits_NK.detach() / temperature) / math.log(logits_NK.shape[1])
        return self.source_likeness(features_NF) - entropy_N

    def weights(self, source: SourceOutput, target: TargetOutput) -> Tensor:
        common_M = self.commonness(target.features, target.logits)
        self.told["unknown"] = (common_M < self.threshold).float().mean()
        return torch.cat([scaled(-self.commonness(source.features, source.logits, SOFT)), scaled(common_M)])

    def unknown_share(self, features_BF: Tensor, logits_BK: Tensor) -> Tensor:
        return (self.threshold - self.commonness(features_BF, logits_BK)).sigmoid()


def scaled(weights_N: Tensor) -> Tensor:
    """Return weights moved and stretched to [0, 1] and divided by their mean then; ones where all are equal."""
    least, most = weights_N.aminmax()
    if not most > least:
        return torch.ones_like(weights_N)
    found_N = (weights_N - least) / (most - least)
    return found_N / found_N.mean()
