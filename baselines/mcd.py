"""MCD: two classifiers that agree on the source are driven apart on the target, and features are learnt that bring them together.

Paper    Saito et al., Maximum Classifier Discrepancy for Unsupervised Domain Adaptation, CVPR 2018, arXiv:1712.02560, section 3;
         the sliced discrepancy: Lee et al., Sliced Wasserstein Discrepancy, CVPR 2019, arXiv:1903.04064, eq. 4
Loss     d = mean over target examples and classes of |p1 - p2|; G features, F1 and F2 classifiers; in each step, in turn:
         A  G, F1, F2 minimise CE(F1) + CE(F2) on the source
         B  F1, F2 minimise CE(F1) + CE(F2) - weight * d
         C  G minimises weight * d, `repeats` times
         with `balance` above 0, A and B add balance * (-mean over classes of log of the target's mean p1, and the same of p2)
Uses     source labels; target inputs only
Departs  1. G is the backbone with the bottleneck, F1 the recipe's last layer, F2 another such (authors: heads of several layers)
         2. the prediction is the mean of both classifiers' probabilities (authors print each)
         3. one optimiser, with momentum for G too (authors' VisDA script: none); its rate follows the recipe (authors: constant)
         4. batch norms see the domains as the recipe says (authors: forwards apart); in C the target alone
Variants steps: as above; reversal: one update, d behind a reversal of the gradient between G and the classifiers; sliced: as
         steps, d the mean squared difference of the sorted projections of p1 and p2 on 128 directions, drawn anew each time
See      conf/method/mcd.yaml, docs/methods/mcd.md, tests/baselines/test_mcd.py
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tlbench.errors import unknown
from tlbench.functional.adversarial import reverse_gradient
from tlbench.functional.classifier_gaps import discrepancy
from tlbench.method import GradientMethod
from tlbench.method.checks import at_least
from tlbench.method.phases import Phase, Terms
from tlbench.method.views import TargetBatch

Labelled = list[tuple[Tensor, Tensor]]
Target = TargetBatch[Tensor]
DIRECTIONS = 128
TINY = 1e-6
"""In the logarithm of the balance, as in the authors' code."""


def sliced_discrepancy(p1_NC: Tensor, p2_NC: Tensor) -> Tensor:
    """Return the mean over unit directions of the mean squared difference of the sorted projections (Lee et al., eq. 4).

    DIRECTIONS are drawn from torch's own stream, anew in each call.
    """
    ways_CK = F.normalize(torch.randn(p1_NC.shape[1], DIRECTIONS, device=p1_NC.device, dtype=p1_NC.dtype), dim=0)
    one, two = ((p_NC @ ways_CK).sort(dim=0).values for p_NC in (p1_NC, p2_NC))
    return (one - two).square().mean()


VARIANTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "steps": discrepancy,
    "reversal": discrepancy,
    "sliced": sliced_discrepancy,
}


class Mcd(GradientMethod):
    family = "adversarial"

    def __init__(self, *, weight: float, repeats: int, balance: float, variant: str = "steps", **base: Any) -> None:
        super().__init__(**base)
        if variant not in VARIANTS:
            raise unknown("variant", variant, VARIANTS, f"method.variant={variant}")
        at_least(0, weight=weight, balance=balance, repeats=repeats)
        self.weight, self.repeats, self.balance, self.variant = weight, repeats, balance, variant
        self.distance = VARIANTS[variant]
        self.second = self.network.head.another_last()
        self.passes = 1 if variant == "reversal" else 2 + repeats

    def phases(self, labelled: Labelled, target: Target | None) -> list[Phase]:
        assert target is not None
        if self.variant == "reversal":
            return [Phase(lambda: self._both(labelled, target, -self.weight, reverse=True))]
        first = Phase(lambda: self._both(labelled, target, None))
        apart = Phase(lambda: self._both(labelled, target, -self.weight), self._heads())
        together = Phase(lambda: self._together(target), self._features())
        return [first, apart, *[together] * self.repeats]

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features and the mean of both classifiers' probabilities."""
        features, logits = self.network(x)
        p1, p2 = logits.float().softmax(dim=1), self.second(features).float().softmax(dim=1)
        return features.float(), (p1 + p2) / 2

    @property
    def batches_per_step(self) -> int:
        return 2 if self.passes == 1 else 4 + self.repeats  # in C the target alone

    def _heads(self) -> Sequence[nn.Parameter]:
        return [*self.network.head.last.parameters(), *self.second.parameters()]

    def _features(self) -> Sequence[nn.Parameter]:
        return [*self.network.backbone.parameters(), *self.network.head.bottleneck.parameters()]

    def _both(self, labelled: Labelled, target: Target, weight: float | None, *, reverse: bool = False) -> Terms:
        """Return both classifiers' losses, with their distance on the target at this weight."""
        domains = [*self.domains[: len(labelled)], "target"]
        outputs = self.network.each([*(x for x, _ in labelled), target.train], domains)
        labels = torch.cat([y for _, y in labelled])
        features, logits = (torch.cat([out[k] for out in outputs[:-1]]) for k in (0, 1))
        terms = {
            "classification": self.classification(logits, labels),
            "second_classification": self.classification(self.second(features), labels),
        }
        if weight is None and self.balance == 0:
            return terms
        p1, p2 = self._probabilities(outputs[-1][0])
        if self.balance:
            terms["balance"] = self.balance * (unbalance(p1) + unbalance(p2))
        if reverse:  # of the distance alone
            p1, p2 = self._probabilities(reverse_gradient(outputs[-1][0], 1.0))
        if weight is not None:
            terms["apart"] = weight * self.distance(p1, p2)
        return terms

    def _together(self, target: Target) -> Terms:
        ((features, _),) = self.network.each([target.train], ["target"])
        return {"together": self.weight * self.distance(*self._probabilities(features))}

    def _probabilities(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.head.last(features).float().softmax(dim=1), self.second(features).float().softmax(dim=1)


def unbalance(probabilities_NC: Tensor) -> Tensor:
    """Return -mean over classes of log(mean over rows of p + 1e-6): least, log C, where all classes have one share."""
    return -(probabilities_NC.mean(dim=0) + TINY).log().mean()
