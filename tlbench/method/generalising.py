"""Gradient methods of domain generalisation: several labelled sources, and no target until the test."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from tlbench.method.checks import at_least, between
from tlbench.method.gradient import GradientMethod, SourceOutput

if TYPE_CHECKING:
    from tlbench.method.views import TargetBatch
    from tlbench.tasks import Labelled, Task


class GeneralisingMethod(GradientMethod):
    """Base of such methods. Each step has a batch of every source, of equal size (`optim.shares=equal`, in its recipe and so in
    the reference's: empirical risk minimisation over the same batches, as Gulrajani & Lopez-Paz, ICLR 2021, arXiv:2007.01434,
    have it). All pass through the network as one batch.
    """

    sees = frozenset({"source"})
    needs_sources = True
    needs_target = False

    def labelled(self, task: Task) -> list[Labelled]:
        return task.sources

    def prepare(self, task: Task) -> None:
        self.domains = ("source",) * len(task.sources)

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        """Return the scalars to add to the mean classification loss, by name, from what each source's batch gave."""
        raise NotImplementedError

    def terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        """Return all scalars of a step; a method that weighs the sources' losses otherwise overrides it."""
        logits, labels = (torch.cat([getattr(of, name) for of in domains]) for name in ("logits", "labels"))
        return {"classification": self.classification(logits, labels), **self.domain_terms(domains)}

    def losses(self, labelled: list[tuple[Tensor, Tensor]], target: TargetBatch[Tensor] | None) -> dict[str, Tensor]:
        return self.terms(self.passed(labelled))

    def passed(self, labelled: list[tuple[Tensor, Tensor]]) -> list[SourceOutput]:
        """Pass the batches of all sources through the network together; features and logits in full precision."""
        ((features, logits),) = self.network.each([torch.cat([x for x, _ in labelled])], ["source"])
        sizes = [len(labels) for _, labels in labelled]
        found = zip(features.float().split(sizes), logits.float().split(sizes), labelled, strict=True)
        return [SourceOutput(f, z, labels) for f, z, (_, labels) in found]

    def risks(self, domains: list[SourceOutput]) -> Tensor:
        """Return the classification loss of each source, (n,)."""
        return torch.stack([self.classification(domain.logits, domain.labels) for domain in domains])


class WarmedMethod(GeneralisingMethod):
    """Base of methods with one penalty, whose weight is 1 at first (Gulrajani & Lopez-Paz, ICLR 2021, arXiv:2007.01434).

    Args:
        weight: of the penalty, >= 0.
        warmup: share of the run in which the weight is 1, or `weight` where that is less.
    """

    family = "feature"
    term: ClassVar[str]
    """Name of the penalty."""

    def __init__(self, *, weight: float, warmup: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, weight=weight)
        between(0, 1, warmup=warmup)
        self.weight, self.warmup = weight, warmup

    @abstractmethod
    def penalty(self, domains: list[SourceOutput]) -> Tensor:
        """Return the penalty from what each source's batch gave."""

    def domain_terms(self, domains: list[SourceOutput]) -> dict[str, Tensor]:
        weight = min(1.0, self.weight) if self.progress < self.warmup else self.weight
        return {self.term: weight * self.penalty(domains)}


def over_pairs(distance: Callable[[Tensor, Tensor], Tensor], features: Sequence[Tensor]) -> Tensor:
    """Return the mean of a distance over all pairs of sources, from features (B, F) of each."""
    return torch.stack([distance(one, other) for one, other in combinations(features, 2)]).mean()
