"""OVANet: beside the classifier, for each class, a classifier of its own that tells it from all others.

Paper    Saito & Saenko, OVANet: One-vs-All Network for Universal Domain Adaptation, ICCV 2021, arXiv:2104.03344 (number from
         memory), section 3; code: github.com/VisionLearningGroup/OVANet
Loss     cross-entropy(source) + weight / 2 * mean over source examples of [-log p_y + max over c != y of -log(1 - p_c)]
         + entropy * mean over target examples and classes of the entropy of (p_c, 1 - p_c);
         p_c = sigmoid of the difference of two outputs, the rows of whose weights have length 1
Uses     source labels; target inputs only
Predicts the classifier's likeliest class c; unknown where p_c < 1/2
Departs  1. rows get length 1 after each update and so before each prediction (authors: before each update)
         2. logarithms from the logits (authors: 1e-8 inside)
         3. source batches and rates are the recipe's (authors: 36 with all classes equally often, 0.01)
See      conf/method/ovanet.yaml, docs/methods/ovanet.md, tests/baselines/test_unknown_classes.py
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.method import SourceOutput, TargetOutput
from tlbench.method.checks import at_least
from tlbench.method.rejecting import RejectingMethod


class Ovanet(RejectingMethod):
    family = "self-training"

    def __init__(self, *, weight: float, entropy: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight, entropy=entropy)
        self.weight, self.entropy = weight, entropy
        self.pairs = nn.Linear(self.network.feature_dim, 2 * self.network.n_classes, bias=False)
        self.after_step()

    def after_step(self) -> None:
        with torch.no_grad():
            self.pairs.weight.copy_(F.normalize(self.pairs.weight, dim=1))

    def odds(self, features_BF: Tensor) -> Tensor:
        """Return (B, K) log(p_c / (1 - p_c)): the difference of each class's two outputs."""
        outside, inside = self.pairs(features_BF).unflatten(1, (2, self.network.n_classes)).unbind(1)
        return inside - outside

    def unknown_share(self, features_BF: Tensor, logits_BK: Tensor) -> Tensor:
        return (-of_predicted(self.odds(features_BF), logits_BK)).sigmoid()

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        odds_BK = self.odds(target.features)
        self.told["unknown"] = (of_predicted(odds_BK, target.logits) < 0).float().mean()
        return {
            "pairs": self.weight * pair_loss(self.odds(source.features), source.labels),
            "entropy": self.entropy * binary_entropy(odds_BK).mean(),
        }


def of_predicted(odds_NK: Tensor, logits_NK: Tensor) -> Tensor:
    """Return (N,) the odds of each row's likeliest class."""
    return odds_NK.gather(1, logits_NK.argmax(dim=1, keepdim=True)).squeeze(1)


def pair_loss(odds_NK: Tensor, labels_N: Tensor) -> Tensor:
    """Return the mean of [-log p_y + max over c != y of -log(1 - p_c)] / 2: of the others only the one most mistaken for y counts
    (the paper's hard negative sampling).

    Args:
        odds_NK: log(p / (1 - p)).
    """
    own_N1 = labels_N[:, None]
    others_NK = odds_NK.scatter(1, own_N1, -torch.inf)
    return (F.softplus(-odds_NK.gather(1, own_N1)).squeeze(1) + F.softplus(others_NK.amax(dim=1))).mean() / 2


def binary_entropy(odds: Tensor) -> Tensor:
    """Return the entropy in nats of (p, 1 - p), entry by entry, from log(p / (1 - p)): log 2 at 0."""
    return F.softplus(odds) - odds * odds.sigmoid()
