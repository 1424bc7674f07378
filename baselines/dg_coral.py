"""CORAL between sources: equal feature covariances of all source domains, and no target.

Paper    Sun & Saenko, Deep CORAL, ECCV Workshops 2016, arXiv:1607.01719; between sources: Gulrajani & Lopez-Paz, In Search of
         Lost Domain Generalization, ICLR 2021, arXiv:2007.01434
Loss     mean cross-entropy + weight * mean over pairs of sources of the distance of their features
Uses     labels and domains of the sources; no target example
Departs  1. the features are those of the recipe's bottleneck
Variants mean: DomainBed's, squared differences of covariances and of means, each averaged over its entries; paper: Deep CORAL's
         squared distance of covariances over 4 D^2
See      conf/method/dg_coral.yaml, docs/methods/dg_coral.md, tests/baselines/test_generalising.py
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from tlbench.functional.moments import coral_loss, moment_loss
from tlbench.method import SourceOutput
from tlbench.method.checks import at_least, one_of
from tlbench.method.generalising import GeneralisingMethod, over_pairs

VARIANTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": moment_loss, "paper": coral_loss}


class DgCoral(GeneralisingMethod):
    family = "feature"
    stacks = ("weight",)

    def __init__(self, *, weight: float, variant: str = "mean", **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        one_of(tuple(VARIANTS), variant=variant)
        self.weight, self.variant = weight, variant

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        return {"coral": self.weight * over_pairs(VARIANTS[self.variant], [of.features for of in domains])}
