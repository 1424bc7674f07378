"""Gradient methods of domain generalisation: several labelled sources, and no target until the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from torch import Tensor

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


def over_pairs(distance: Callable[[Tensor, Tensor], Tensor], features: Sequence[Tensor]) -> Tensor:
    """Return the mean of a distance over all pairs of sources, from features (B, F) of each."""
    return torch.stack([distance(one, other) for one, other in combinations(features, 2)]).mean()


def warmed(weight: float, warmup: float, progress: float) -> float:
    """Return the weight of a penalty at this progress: 1, or less where it is less, in the first `warmup` of a run."""
    return min(1.0, weight) if progress < warmup else weight
