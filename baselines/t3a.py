"""T3A: the last layer becomes the means of what the stream's surest examples of each class look like.

Paper    Iwasawa & Matsuo, Test-Time Classifier Adjustment Module for Model-Agnostic Domain Generalization, NeurIPS 2021,
         eq. 4 to 6 (numbers from memory); code: github.com/matsuolab/T3A
Loss     none: logits are z . (sum of the supports of a class, at length 1), supports at length 1
Uses     the source model and each batch of the stream, on its arrival; an example is a support before it is predicted
Note     supports of a class begin with its row of the last layer; of the examples predicted as it, the `kept` of least entropy
         stay. The row has the entropy of what the last layer says of it
Departs  1. kept=0 keeps all (authors: -1, which drops the least sure one)
See      conf/method/t3a.yaml, docs/methods/t3a.md, tests/baselines/test_online_methods.py
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.functional.entropy import entropies
from tlbench.method.checks import at_least
from tlbench.method.online import OnlineMethod, probabilities, without_gradient


class T3a(OnlineMethod):
    family = "self-training"
    draws = False

    def __init__(self, *, kept: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, kept=kept)
        self.kept = kept

    @torch.no_grad()
    def configure(self) -> None:
        last = self.network.head.last
        assert isinstance(last.weight, Tensor)
        rows_CF = last.weight.detach().clone()
        self.supports = supports_of(rows_CF, last(rows_CF).float())

    def predict(self, x: Tensor) -> Tensor:
        features_BF, logits_BC = without_gradient(self, x)
        new = supports_of(features_BF, logits_BC)
        features_SF, labels_S, entropy_S = (torch.cat(pair) for pair in zip(self.supports, new, strict=True))
        self.supports = surest(features_SF, labels_S, entropy_S, self.kept)
        self.told["supports"] = torch.tensor(float(len(self.supports[0])))
        return probabilities(features_BF @ prototypes(*self.supports[:2], logits_BC.shape[1]).T)

    def reset(self) -> None:
        super().reset()
        self.configure()


Supports = tuple[Tensor, Tensor, Tensor]
"""Rows (S, F), their classes (S,), their entropies (S,)."""


def supports_of(features_NF: Tensor, logits_NC: Tensor) -> Supports:
    """Return examples as supports of the classes that they are predicted as."""
    return features_NF, logits_NC.argmax(dim=1), entropies(logits_NC)


def surest(features_SF: Tensor, labels_S: Tensor, entropy_S: Tensor, kept: int) -> Supports:
    """Return the `kept` supports of least entropy of each class, in the order in which they came; all for 0."""
    if kept:
        order_S = entropy_S.argsort(stable=True)
        rank_S = torch.empty_like(order_S)
        for label in labels_S.unique():
            own = order_S[labels_S[order_S] == label]
            rank_S[own] = torch.arange(len(own), device=own.device)
        stay = rank_S < kept
        features_SF, labels_S, entropy_S = features_SF[stay], labels_S[stay], entropy_S[stay]
    return features_SF, labels_S, entropy_S


def prototypes(features_SF: Tensor, labels_S: Tensor, n_classes: int) -> Tensor:
    """Return (C, F) sums of the supports of each class, supports and sums at length 1; 0 for a class without any."""
    member_CS = F.one_hot(labels_S, n_classes).T.to(features_SF.dtype)
    return F.normalize(member_CS @ F.normalize(features_SF, dim=1), dim=1)
