"""DANCE: each target example goes to a class or to a neighbour, and is made sure to be known or sure to be unknown.

Paper    Saito et al., Universal Domain Adaptation through Self-Supervision, NeurIPS 2020, arXiv:2002.07953 (number from memory),
         section 3; code: github.com/VisionLearningGroup/DANCE
Loss     cross-entropy(source) + weight * [mean entropy of softmax(likeness / temperature) - mean of max(|H(p) - rho|, margin)]
         over target examples; likeness: cosines of an example with the rows of the last layer, with the bank of all other target
         examples, and with the others of its batch; rho = log(K) / 2
Uses     source labels; target inputs only
Predicts the likeliest class; unknown where H(p) > rho
Departs  1. an example has no entry for itself, nor for its batch's old rows in the bank (authors: -1 / temperature)
         2. rho is worked out from K (authors: numbers in the configs, 1.15 for 10 classes, 1.49 for about 20)
         3. rows get length 1 after each update (authors: before each)
         4. source batches and rates are the recipe's (authors: 36 with all classes equally often, 0.01)
Note     the temperature is that of classifier=cosine, its recipe. The bank's rows are zeros until an example was in a batch, and
         then what it was in its last one, as the authors have them
See      conf/method/dance.yaml, docs/methods/dance.md, tests/baselines/test_unknown_classes.py
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.classifiers.head import CosineLayer
from tlbench.errors import TlbenchError
from tlbench.functional.entropy import entropies, mean_entropy
from tlbench.method import SourceOutput, TargetOutput
from tlbench.method.checks import at_least
from tlbench.method.rejecting import RejectingMethod
from tlbench.tasks import Task


class Dance(RejectingMethod):
    family = "self-training"
    looks = 1  # nothing is looked at, but the bank is one device's
    bank_MF: Tensor

    def __init__(self, *, weight: float, margin: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight, margin=margin)
        self.weight, self.margin = weight, margin
        self.rho = math.log(self.network.n_classes) / 2
        self.after_step()

    @property
    def last(self) -> CosineLayer:
        """The last layer, whose rows stand for the classes. Raises TlbenchError where it is of another kind."""
        last = self.network.head.last
        if not isinstance(last, CosineLayer):
            raise TlbenchError(
                f"dance compares features with the rows of a last layer that sees directions alone, got {type(last).__name__}. "
                "Set classifier.last=cosine, or leave the classifier open."
            )
        return last

    def prepare(self, task: Task) -> None:
        self.register_buffer("bank_MF", torch.zeros(len(task.target), self.network.feature_dim))

    def after_step(self) -> None:
        with torch.no_grad():
            self.last.weight.copy_(F.normalize(self.last.weight, dim=1))

    def unknown_share(self, features_BF: Tensor, logits_BK: Tensor) -> Tensor:
        entropy_B = entropies(logits_BK)
        return entropy_B / (entropy_B + self.rho)

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        assert target.rows is not None
        unit_BF, others_M = F.normalize(target.features, dim=1), self.bank_MF.new_ones(len(self.bank_MF)).bool()
        others_M[target.rows] = False
        neighbours = self.weight * mean_entropy(
            likeness(unit_BF, target.logits, self.bank_MF[others_M], self.last.temperature)
        )
        self.bank_MF[target.rows] = unit_BF.detach().to(self.bank_MF.dtype)
        entropy_B = entropies(target.logits)
        self.told["unknown"] = (entropy_B > self.rho).float().mean().detach()
        return {
            "neighbours": neighbours,
            "separation": -self.weight * margin_distance(entropy_B, self.rho, self.margin),
        }


def likeness(unit_BF: Tensor, logits_BK: Tensor, bank_NF: Tensor, temperature: float) -> Tensor:
    """Return (B, K + N + B - 1) logits of an example's classes and neighbours: the classes, the bank, the others of its batch.

    Args:
        unit_BF, bank_NF: of length 1; the bank has no gradient.
        logits_BK: cosines with the rows of the last layer, over the temperature.
    """
    b = len(unit_BF)
    batch_BB = unit_BF @ unit_BF.T
    apart = ~torch.eye(b, dtype=torch.bool, device=unit_BF.device)
    neighbours = torch.cat([unit_BF @ bank_NF.to(unit_BF.dtype).T, batch_BB[apart].view(b, b - 1)], dim=1)
    return torch.cat([logits_BK, neighbours / temperature], dim=1)


def margin_distance(entropy_B: Tensor, rho: float, margin: float) -> Tensor:
    """Return the mean of max(|H - rho|, margin): without a gradient for what is less than the margin from rho."""
    return (entropy_B - rho).abs().clamp_min(margin).mean()
