"""MMD between sources: like feature distributions of all source domains, and no target.

Paper    Li et al., Domain Generalization with Adversarial Feature Learning, CVPR 2018 (its distance, without the adversary), as
         in Gulrajani & Lopez-Paz, In Search of Lost Domain Generalization, ICLR 2021, arXiv:2007.01434
Loss     mean cross-entropy + weight * mean over pairs of sources of the biased MMD^2 of their features
Uses     labels and domains of the sources; no target example
Departs  1. the features are those of the recipe's bottleneck
Note     the kernels are DomainBed's fixed ones, the `fixed` of `mmd`
See      conf/method/dg_mmd.yaml, docs/methods/dg_mmd.md, tests/baselines/test_generalising.py
"""

from typing import Any

from torch import Tensor

from tlbench.functional.kernels import FIXED
from tlbench.functional.mmd_estimates import biased_mmd
from tlbench.method import SourceOutput
from tlbench.method.checks import at_least
from tlbench.method.generalising import GeneralisingMethod, over_pairs


class DgMmd(GeneralisingMethod):
    family = "feature"
    stacks = ("weight",)

    def __init__(self, *, weight: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        self.weight = weight

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        return {"mmd": self.weight * over_pairs(_distance, [of.features for of in domains])}


def _distance(one_NF: Tensor, other_MF: Tensor) -> Tensor:
    return biased_mmd(FIXED.at(one_NF, other_MF), one_NF, other_MF)
