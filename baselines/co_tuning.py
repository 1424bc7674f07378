"""Co-Tuning: the source's own last layer goes on learning beside the new one, from soft source labels of the target's classes.

Paper    You et al., Co-Tuning for Transfer Learning, NeurIPS 2020
Loss     cross-entropy(shots) + weight * cross-entropy(source layer's prediction, R[y]), R[y] the mean prediction of the source
         model on the shots of class y
Uses     target shots and the source model
Departs  1. R is what the paper calls the direct approach (authors: a calibrated one, turned round by Bayes' rule)
         2. source and target have one label space and the target's layer starts as the source's too (paper: a fresh one)
         3. the source layer learns at the head's rate (TLlib: at the backbone's)
         4. its logits are not scaled (authors: by a constant)
Note     weight=0 is `fine_tune` of init=source to the bit
See      conf/method/co_tuning.yaml, docs/methods/co_tuning.md, tests/baselines/test_tuning_terms.py
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.errors import Refused
from tlbench.method.checks import at_least
from tlbench.method.fine_tuned import FineTuned, ShotsOutput
from tlbench.method.pools import Pools
from tlbench.tasks import Task


class CoTuning(FineTuned):
    relation_CC: Tensor
    source_layer: nn.Module

    def __init__(self, *, weight: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        if self.init != "source":
            raise Refused(
                f"co_tuning needs the source's own last layer, and with method.init={self.init} there is none. Set "
                "method.init=source."
            )
        self.weight, self.looks = weight, 1 if weight else None  # before the first step

    def prepare(self, task: Task) -> None:
        assert task.shots is not None
        if self.weight:
            self.labels_N = torch.as_tensor(task.shots.labels)
            self.register_buffer("relation_CC", torch.zeros(task.n_classes, task.n_classes))
            self.source_layer = copy.deepcopy(self.network.head.last)

    def refresh(self, pools: Pools) -> None:
        self.relation_CC.copy_(relation(pools.labelled(0)[1], self.labels_N))

    def tuning_terms(self, shots: ShotsOutput) -> dict[str, Tensor]:
        if not self.weight:
            return {}
        return {
            "source": self.weight * F.cross_entropy(self.source_layer(shots.features), self.relation_CC[shots.labels])
        }


def relation(p_NC: Tensor, labels_N: Tensor) -> Tensor:
    """Return (C, C) the mean prediction of the examples of each class: p(source class | target class), row by row.

    A class without examples, of which no batch has any either, has a row of 1 / C.
    """
    n_classes = p_NC.shape[1]
    members_CN = F.one_hot(labels_N.to(p_NC.device), n_classes).to(p_NC.dtype).T
    counts_C1 = members_CN.sum(dim=1, keepdim=True)
    means_CC = members_CN @ p_NC / counts_C1.clamp_min(1)
    return torch.where(counts_C1 > 0, means_CC, 1 / n_classes)
