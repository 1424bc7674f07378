"""RSC: the features that matter most to each label are taken away, so that the others learn to tell it too.

Paper    Huang et al., Self-Challenging Improves Cross-Domain Generalization, ECCV 2020, arXiv:2007.02454 (number from memory),
         section 3.2; as in Gulrajani & Lopez-Paz, ICLR 2021, arXiv:2007.01434
Loss     cross-entropy on features of which, in the examples whose label loses most by it, those with the largest gradient of the
         label's logit are 0; whole loss
Uses     labels of the sources; no target example
Departs  1. features are single numbers (paper: channels and places of the last feature map, one or the other at random)
See      conf/method/rsc.yaml, docs/methods/rsc.md, tests/baselines/test_generalising.py
"""

from typing import Any

import torch
from torch import Tensor

from tlbench.method import SourceOutput
from tlbench.method.checks import between
from tlbench.method.generalising import GeneralisingMethod


class Rsc(GeneralisingMethod):
    family = "feature"

    def __init__(self, *, features: float, examples: float, **base: Any) -> None:
        super().__init__(**base)
        between(0, 1, features=features, examples=examples)
        self.features, self.examples = features, examples

    def terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        features, logits, labels = (
            torch.cat([getattr(of, name) for of in domains]) for name in ("features", "logits", "labels")
        )
        stays_BF = self.what_stays(features.detach(), logits.detach(), labels)
        self.told["taken"] = 1 - stays_BF.float().mean()
        return {"classification": self.classification(self.network.head.last(features * stays_BF), labels)}

    def what_stays(self, features_BF: Tensor, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        """Return (B, F) which features are not taken away."""
        last = self.network.head.last
        with torch.enable_grad():
            leaf_BF = features_BF.clone().requires_grad_()
            own = last(leaf_BF).gather(1, labels_B[:, None]).sum()
            (slope_BF,) = torch.autograd.grad(own, leaf_BF)
        with torch.no_grad():
            light_BF = below_the_top(slope_BF, self.features)
            before_B, after_B = (
                z.softmax(dim=1).gather(1, labels_B[:, None])[:, 0] for z in (logits_BC, last(features_BF * light_BF))
            )
            spared_B = below_the_top((before_B - after_B)[None], self.examples)[0]
        return light_BF | spared_B[:, None]


def below_the_top(x_NF: Tensor, share: float) -> Tensor:
    """Return (N, F) which entries of each row are below its quantile of 1 - share; all of them for a share of 0."""
    if share == 0:
        return torch.ones_like(x_NF, dtype=torch.bool)
    return x_NF < torch.quantile(x_NF.float(), 1 - share, dim=1, keepdim=True)
