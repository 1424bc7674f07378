"""M3SDA: moments of features are made equal in all sources and the target; each source has classifiers of its own.

Paper    Peng et al., Moment Matching for Multi-Source Domain Adaptation, ICCV 2019, arXiv:1812.01754, eqs. 1-4;
         code: VisionLearningGroup's, folder M3SDA, solver_MSDA.py and msda.py
Loss     MD = moment distance of N sources and the target (eq. 1); d_i = mean over target examples and classes of
         |p_i - p'_i|; G features, (C_i, C'_i) the classifiers of source i, CE_i of both on it; in each step, in turn:
         A  G and all C minimise mean_i CE_i + weight * MD / N
         B  all C minimise mean_i CE_i - discrepancy * mean_i d_i
         C  G minimises discrepancy * mean_i d_i, `repeats` times
Uses     source labels, and which source each example is of; target inputs only
Departs  1. all sums over sources are divided by N, MD too: the same minimum, and steps no longer with more sources
         2. the prediction is the mean of all classifiers (paper, besides: weighted by each source's accuracy on the target,
            which needs its labels, from memory); of a pair both count (authors' code tests C1 alone)
         3. G is the backbone with the bottleneck, C_1 the recipe's last layer, the others more of its kind
         4. one optimiser for all parts, with the recipe's rate (authors: Adam, one for each part)
         5. batch norms see the domains as the recipe says (authors: forwards apart); in C the target alone
         6. `code` has neither the slips of the code in its fourth source, nor its B with CE of two sources alone
Variants beta: as above, M3SDA-beta; plain: M3SDA, one classifier a source, no d, one update; code: the authors' code, one pair of
         classifiers for all sources, and its central moments of order 2 to 5 in place of MD
Note     in its recipe the features have a batch norm before their ReLU, as the authors': else they may all become 0
See      conf/method/m3sda.yaml, docs/methods/m3sda.md, tests/baselines/test_m3sda.py
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.functional.classifier_gaps import discrepancy as gap
from tlbench.functional.source_moments import central_distance, moment_distance
from tlbench.method.checks import at_least, one_of
from tlbench.method.phases import Phase, Terms
from tlbench.method.several_sources import SeveralSourcesMethod
from tlbench.method.views import TargetBatch

Labelled = list[tuple[Tensor, Tensor]]
Target = TargetBatch[Tensor]
VARIANTS: dict[str, Callable[[Sequence[Tensor], Tensor], Tensor]] = {
    "beta": moment_distance,
    "plain": moment_distance,
    "code": central_distance,
}
"""The distance of each."""


class M3sda(SeveralSourcesMethod):
    family = "adversarial"

    def __init__(self, *, weight: float, discrepancy: float, repeats: int, variant: str = "beta", **base: Any) -> None:
        super().__init__(**base)
        one_of(tuple(VARIANTS), variant=variant)
        at_least(0, weight=weight, discrepancy=discrepancy, repeats=repeats)
        self.weight, self.discrepancy, self.repeats, self.variant = weight, discrepancy, repeats, variant
        head, shared = self.network.head, variant == "code"
        self.more = nn.ModuleList(head.another_last() for _ in range(0 if shared else self.n_sources - 1))
        seconds = 0 if variant == "plain" else 1 if shared else self.n_sources
        self.seconds = nn.ModuleList(head.another_last() for _ in range(seconds))
        self.passes = 1 if variant == "plain" else 2 + repeats

    @property
    def firsts(self) -> list[nn.Module]:
        """The first classifier of each pair."""
        return [self.network.head.last, *self.more]

    def phases(self, labelled: Labelled, target: Target | None) -> list[Phase]:
        assert target is not None
        first = Phase(lambda: self._fitted(labelled, target, apart=False))
        if self.variant == "plain":
            return [first]
        heads = [p for one in (*self.firsts, *self.seconds) for p in one.parameters()]
        features = [*self.network.backbone.parameters(), *self.network.head.bottleneck.parameters()]
        apart = Phase(lambda: self._fitted(labelled, target, apart=True), heads)
        return [first, apart, *[Phase(lambda: self._together(target), features)] * self.repeats]

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features and the mean of all classifiers' probabilities."""
        features, _ = self.network(x)
        found = [one(features).float().softmax(dim=1) for one in (*self.firsts, *self.seconds)]
        return features.float(), torch.stack(found).mean(dim=0)

    @property
    def batches_per_step(self) -> int:
        return 2 if self.passes == 1 else 4 + self.repeats  # in C the target alone

    def _fitted(self, labelled: Labelled, target: Target, *, apart: bool) -> Terms:
        """Return the terms of A, or with `apart` of B."""
        outputs = self.network.each([*(x for x, _ in labelled), target.train], [*self.domains, "target"])
        *sources, seen = [features for features, _ in outputs]
        terms = {}
        for name, heads in (("classification", self.firsts), ("second_classification", self.seconds)):
            if len(heads):
                logits = [heads[i % len(heads)](x) for i, x in enumerate(sources)]
                terms[name] = self.mean_risk(logits, labelled)
        if apart:
            return terms | {"apart": -self.discrepancy * self._gap(seen)}
        distance = VARIANTS[self.variant]([x.float() for x in sources], seen.float())
        return terms | {"moments": self.weight / self.n_sources * distance}

    def _together(self, target: Target) -> Terms:
        ((features, _),) = self.network.each([target.train], ["target"])
        return {"together": self.discrepancy * self._gap(features)}

    def _gap(self, features: Tensor) -> Tensor:
        """Return the mean over pairs of classifiers of how far both are apart on the target."""
        pairs = zip(self.firsts, self.seconds, strict=True)
        return torch.stack([gap(*(one(features).float().softmax(dim=1) for one in pair)) for pair in pairs]).mean()
