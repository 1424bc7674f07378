"""MME: the last layer raises the entropy of the target's predictions, the features lower it.

Paper    Saito et al., Semi-Supervised Domain Adaptation via Minimax Entropy, ICCV 2019, arXiv:1904.06487, section 3
Loss     cross-entropy(source and shots) - weight * mean entropy of softmax(last layer(R(f))) over the unlabelled target examples;
         R is the identity forward and -1 times the gradient backward, between the features and the last layer
Uses     source labels; labelled target shots; inputs of the other target examples
Departs  1. one update for both losses (authors: one for the labelled loss, then one for this)
         2. the features are the recipe's bottleneck (authors: the backbone's 512, and two layers for AlexNet)
Note     its head has a cosine layer at temperature 0.05, and source and shots have half of the labelled batch each: both are the
         recipe's, so that the references have them too
See      conf/method/mme.yaml, docs/methods/mme.md, tests/baselines/test_mme.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.adversarial import reverse_gradient
from tlbench.functional.entropy import mean_entropy
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least


class Mme(GradientMethod):
    family = "adversarial"
    stacks = ("weight",)

    def __init__(self, *, weight: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        self.weight = weight

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        logits = self.network.head.last(reverse_gradient(target.features, 1.0))
        return {"entropy": -self.weight * mean_entropy(logits)}
