"""MDD: a second classifier that agrees with the first on the source and disagrees on the target, and features that hinder it.

Paper    Zhang et al., Bridging Theory and Algorithm for Domain Adaptation, ICML 2019, arXiv:1904.05801, the algorithm's section
Loss     cross-entropy(source) + weight * [margin * mean -log s_y(a_s) + mean -log(1 - s_y(a_t))];
         s = softmax, y = the class that the head predicts, a = logits of the adversary on R(features),
         R is the identity forward and -strength * lambda backward, lambda = 2 / (1 + exp(-gamma p)) - 1
Uses     source labels; target inputs only
Departs  1. the adversary has no dropout
         2. the head is the recipe's one linear layer (paper: two layers, as the adversary)
         3. the adversary's learning rate is the head's
         4. the reversal grows over this run's own length
See      conf/method/mdd.yaml, docs/methods/mdd.md, tests/baselines/test_mdd.py
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.errors import TlbenchError
from tlbench.functional.adversarial import reversal_strength, reverse_gradient
from tlbench.method import GradientMethod, SourceOutput, TargetOutput


class Mdd(GradientMethod):
    family = "adversarial"
    stacks = ("weight", "margin")

    def __init__(
        self, *, weight: float, margin: float, strength: float, gamma: float, hidden: int, **base: Any
    ) -> None:
        super().__init__(**base)
        if not (weight >= 0 and margin > 0 and strength > 0 and gamma > 0 and hidden >= 1):
            raise TlbenchError(
                "method.weight >= 0, method.margin, method.strength, method.gamma > 0 and method.hidden >= 1 are needed, got "
                f"{weight}, {margin}, {strength}, {gamma}, {hidden}."
            )
        self.weight, self.margin, self.strength, self.gamma = weight, margin, strength, gamma
        layers = nn.Linear(self.network.feature_dim, hidden), nn.Linear(hidden, self.network.n_classes)
        for layer in layers:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        self.adversary = nn.Sequential(layers[0], nn.ReLU(), layers[1])

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        strength = self.strength * reversal_strength(self.progress, self.gamma)
        features = reverse_gradient(torch.cat([source.features, target.features]), strength)
        on_source, on_target = self.adversary(features).split([len(source.features), len(target.features)])
        agreement = F.cross_entropy(on_source, source.logits.argmax(dim=1))
        disagreement = disagreement_loss(on_target, target.logits.argmax(dim=1))
        return {"agreement": self.weight * self.margin * agreement, "disagreement": self.weight * disagreement}


def disagreement_loss(logits_NC: Tensor, labels_N: Tensor) -> Tensor:
    """Compute the mean of -log(1 - softmax(logits)[label]), from the logits alone, so that a sure adversary leaves finite values.

    Args:
        logits_NC: of the adversary, (N, C) with C >= 2.
        labels_N: (N,) classes that it should not predict.

    Raises:
        ValueError: fewer than two classes, or not one label a row.
    """
    if logits_NC.shape[1] < 2 or labels_N.shape != logits_NC.shape[:1]:
        raise ValueError(
            "disagreement_loss needs two or more classes and one label a row, got "
            f"{tuple(logits_NC.shape)} and {tuple(labels_N.shape)}."
        )
    others_NC = logits_NC.scatter(1, labels_N[:, None], -torch.inf)
    return (logits_NC.logsumexp(dim=1) - others_NC.logsumexp(dim=1)).mean()
