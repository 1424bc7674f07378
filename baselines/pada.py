"""PADA: source classes that the target's predictions hardly name count little, for the classifier and for the adversary.

Paper    Cao et al., Partial Adversarial Domain Adaptation, ECCV 2018, arXiv:1808.04205, section 3; code: github.com/thuml/PADA
Loss     sum_i g_{y_i} CE_i / sum_i g_{y_i} (source)
         + weight / 2 * [mean_i w_i BCE(D(R(f_i)), 1) (source) + v mean BCE(D(R(f)), 0) (target)];
         g the mean prediction over the whole target, ones before the first look; R as in dann
Uses     source labels; target inputs only; not which classes the target lacks
Departs  1. one view of each target example (authors: ten crops)
         2. looks at the target are `intervals` in a run (authors: every 500 steps)
         3. lambda grows over this run's own length (authors: over forward passes / 10,000)
         4. the domain loss is the mean of the two domains' halves, as in dann
         5. labelled target examples are weighed by class, too (authors: there are none)
Variants authors: w_i = g_{y_i} / its largest in the batch, v = 1; tllib: predictions at temperature 0.1,
         w_i = g_{y_i} / the largest g, v = the batch's mean w
See      conf/method/pada.yaml, docs/methods/pada.md, tests/baselines/test_partial.py
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tlbench.functional.adversarial import reverse_gradient
from tlbench.method import AdversaryMethod, SourceOutput, TargetOutput
from tlbench.method.checks import at_least, one_of
from tlbench.method.pools import Pools
from tlbench.tasks import Task

VARIANTS = {"authors": 1.0, "tllib": 0.1}
"""Temperature of the predictions."""
TINY = 1e-30
"""Least sum that weights are divided by: a batch may hold no example of a class that counts."""


class Pada(AdversaryMethod):
    gamma_C: Tensor

    def __init__(self, *, intervals: int, variant: str = "authors", **base: Any) -> None:
        super().__init__(**base)
        at_least(1, intervals=intervals)
        one_of(tuple(VARIANTS), variant=variant)
        self.looks, self.variant = intervals, variant

    def prepare(self, task: Task) -> None:
        self.register_buffer("gamma_C", torch.ones(task.n_classes))

    def refresh(self, pools: Pools) -> None:
        if self.progress > 0:  # an untrained head's predictions say nothing
            self.gamma_C.copy_(class_weights(pools.target()[1], VARIANTS[self.variant]))

    def classification(self, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        """Return the mean cross-entropy, each example weighed by its class."""
        losses_B = F.cross_entropy(logits_BC, labels_B, label_smoothing=self.label_smoothing, reduction="none")
        weights_B = self.gamma_C[labels_B]
        return (weights_B * losses_B).sum() / weights_B.sum().clamp_min(TINY)

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        features = reverse_gradient(torch.cat([source.features, target.features]), self.strength())
        logits, n = self.discriminator(features).squeeze(1), len(source.features)
        shares_C = self.gamma_C / self.gamma_C.sum()
        self.told["classes"] = torch.special.entr(shares_C).sum().exp()
        weights_N, of_target = self._weights(source.labels)
        of_source = (weights_N * F.softplus(-logits[:n])).mean()
        return {"domain": self.weight * (of_source + of_target * F.softplus(logits[n:]).mean()) / 2}

    def _weights(self, labels_N: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N,) weights of the source examples, and that of each target example."""
        weights_N = self.gamma_C[labels_N]
        if self.variant == "tllib":
            weights_N = weights_N / self.gamma_C.max()
            return weights_N, weights_N.mean()
        return weights_N / weights_N.max().clamp_min(TINY), weights_N.new_ones(())


def class_weights(probabilities_MC: Tensor, temperature: float) -> Tensor:
    """Return (C,) the mean over rows of softmax(z / temperature), from p = softmax(z): the same as that of log p."""
    return (probabilities_MC.log() / temperature).softmax(dim=1).mean(dim=0)
