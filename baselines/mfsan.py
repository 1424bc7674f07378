"""MFSAN: a branch for each source, whose features are brought near the target's there; branches come to agree on the target.

Paper    Zhu, Zhuang & Wang, Aligning Domain-specific Distribution and Classifier for Cross-domain Classification from Multiple
         Sources, AAAI 2019, arXiv:2201.01003, eqs. 2-7 and algorithm 1; code: easezyc/deep-transfer-learning, MUDA/MFSAN
Loss     mean_j [CE_j + g(t) weight MMD_j] + g(t) agreement * mean over pairs of branches of mean |p_i - p_j| on the target;
         CE_j and MMD_j, of source j and the target, in branch j; g(t) = 2 / (1 + exp(-gamma t)) - 1
Uses     source labels, and which source each example is of; target inputs only
Departs  1. one update a step with the mean over sources (paper and code: an update for one source at a time)
         2. a branch is a head of the recipe, bottleneck and last layer (authors: three convolutions, batch norms, a linear layer)
         3. batch norms see the domains as the recipe says (authors: forwards apart)
         4. t counts the steps that are done (authors: with the one to come)
Variants outputs: as above, eq. 6; features: the authors' code, with the softmax of the branches' features in place of p
Note     MMD is the authors': biased, sum of five Gaussian kernels, 1/4 to 4 times the mean squared distance of the batch
See      conf/method/mfsan.yaml, docs/methods/mfsan.md, tests/baselines/test_mfsan.py
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tlbench.backbones.small import Identity
from tlbench.classifiers.network import Network
from tlbench.functional.adversarial import reversal_strength
from tlbench.functional.classifier_gaps import discrepancy
from tlbench.functional.kernels import FIVE
from tlbench.functional.mmd_estimates import biased_mmd
from tlbench.method.checks import above_zero, at_least, one_of
from tlbench.method.generalising import over_pairs
from tlbench.method.several_sources import SeveralSourcesMethod
from tlbench.method.views import TargetBatch

VARIANTS = ("outputs", "features")
KERNELS = replace(FIVE, summed=True)
Seen = tuple[Tensor, Tensor]
"""Features (B, F) and logits (B, C) of a batch in a branch."""


class Mfsan(SeveralSourcesMethod):
    family = "feature"

    def __init__(self, *, weight: float, agreement: float, gamma: float, variant: str = "outputs", **base: Any) -> None:
        super().__init__(**base)
        one_of(VARIANTS, variant=variant)
        at_least(0, weight=weight, agreement=agreement)
        above_zero(gamma=gamma)
        self.weight, self.agreement, self.gamma, self.variant = weight, agreement, gamma, variant
        first, norm = self.network.head, self.network.batch_norm
        self.more = nn.ModuleList(
            Network(Identity(input_shape=(first.in_dim,)), first.another(), batch_norm=norm)
            for _ in range(self.n_sources - 1)
        )

    @property
    def branches(self) -> list[Network]:
        """Networks whose head is the branch of a source, in the order of the sources."""
        return [self.network, *(one for one in self.more if isinstance(one, Network))]

    def losses(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        assert target is not None
        below = self.network.each_below([*(x for x, _ in labelled), target.train], [*self.domains, "target"])
        found = [
            branch.each_above([x, below[-1]], ["source", "target"])
            for branch, x in zip(self.branches, below[:-1], strict=True)
        ]
        with torch.autocast(below[-1].device.type, enabled=False):
            return self._terms([source for source, _ in found], [seen for _, seen in found], labelled)

    def _terms(
        self, sources: list[Seen], targets: list[Seen], labelled: list[tuple[Tensor, Tensor]]
    ) -> dict[str, Tensor]:
        grown = reversal_strength(self.progress, self.gamma)
        pairs = [(s.float(), t.float()) for (s, _), (t, _) in zip(sources, targets, strict=True)]
        gaps = torch.stack([biased_mmd(KERNELS.at(s, t), s, t) for s, t in pairs])
        said = [seen[self.variant == "outputs"].float().softmax(dim=1) for seen in targets]
        return {
            "classification": self.mean_risk([logits.float() for _, logits in sources], labelled),
            "mmd": grown * self.weight * gaps.mean(),
            "agreement": grown * self.agreement * over_pairs(discrepancy, said),
        }

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means over branches of features and of probabilities."""
        below = self.network.backbone(x)
        found = [branch.head(below) for branch in self.branches]
        features = torch.stack([of.float() for of, _ in found]).mean(dim=0)
        return features, torch.stack([logits.float().softmax(dim=1) for _, logits in found]).mean(dim=0)
