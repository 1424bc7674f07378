"""MCC: predictions on the target that do not waver between the same pairs of classes.

Paper    Jin et al., Minimum Class Confusion for Versatile Domain Adaptation, ECCV 2020, arXiv:1912.03699, section 3
Loss     cross-entropy(source) + weight * (mean over classes c of the share of row c of P' W P that lies off the diagonal);
         P = softmax(target logits / temperature), W = diagonal of 1 + exp(-entropy)
Uses     source labels; target inputs only
Departs  1. no gradient passes through W (paper: says nothing of it)
Note     the paper scales W so that its mean is 1; the division by each row's sum cancels any scale, so it is left out
See      conf/method/mcc.yaml, docs/methods/mcc.md, tests/baselines/test_mcc.py
"""

from typing import Any

from torch import Tensor

from tlbench.errors import TlbenchError
from tlbench.functional.class_confusion import class_confusion
from tlbench.method import GradientMethod, SourceOutput, TargetOutput


class Mcc(GradientMethod):
    family = "self-training"
    stacks = ("weight", "temperature")

    def __init__(self, *, weight: float, temperature: float, **base: Any) -> None:
        super().__init__(**base)
        if not (weight >= 0 and temperature > 0):
            raise TlbenchError(
                f"method.weight >= 0 and method.temperature > 0 are needed, got {weight}, {temperature}."
            )
        self.weight, self.temperature = weight, temperature

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        return {"confusion": self.weight * class_confusion(target.logits, self.temperature)}
