"""ENT: target predictions that are sure, by the least mean entropy.

Paper    Grandvalet & Bengio, Semi-supervised Learning by Entropy Minimization, NeurIPS 2004; as ENT in Saito et al.,
         Semi-supervised Domain Adaptation via Minimax Entropy, ICCV 2019, arXiv:1904.06487
Loss     cross-entropy(source and shots) + weight * mean entropy of the target's predictions, in nats
Uses     source labels; target inputs only; shots, where there are any, join the labelled examples
Departs  1. domain adaptation: labelled and unlabelled examples are of two domains (2004 paper: of one)
         2. one update of the sum (code of the 2019 paper: one of each term, in turn)
         3. the head is the recipe's (2019 paper: cosines over a temperature of 0.05)
         4. source and shots have room in the labelled batch in proportion to their sizes (2019 paper: half each)
         5. nothing is added inside the logarithm (code of the 2019 paper: 1e-5)
See      conf/method/entropy_min.yaml, docs/methods/entropy_min.md, tests/baselines/test_entropy_min.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.entropy import mean_entropy
from tlbench.method import GradientMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least


class EntropyMin(GradientMethod):
    family = "self-training"
    stacks = ("weight",)

    def __init__(self, *, weight: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        self.weight = weight

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        return {"entropy": self.weight * mean_entropy(target.logits)}
