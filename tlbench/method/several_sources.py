"""Gradient methods of several labelled sources, each known as such, and one unlabelled target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tlbench.method.gradient import GradientMethod

if TYPE_CHECKING:
    from tlbench.tasks import Labelled, Task


class SeveralSourcesMethod(GradientMethod):
    """Base of such methods. A step has a batch of each source, of equal size (`optim.shares=equal`, in its recipe and so in the
    reference's), and one of the target. Labelled target examples are not seen.

    Args:
        n_sources: given by the harness; the sources come in the order of the pair.
    """

    sees = frozenset({"source", "target"})
    needs_sources = True
    counts_sources = True

    def __init__(self, *, n_sources: int, **base: Any) -> None:
        super().__init__(**base)
        self.n_sources = n_sources
        self.domains = ("source",) * n_sources

    def labelled(self, task: Task) -> list[Labelled]:
        return task.sources

    def mean_risk(self, logits: list[Tensor], labelled: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the mean over sources of the classification loss, from the logits (B, C) of each source's batch."""
        risks = [self.classification(z, labels) for z, (_, labels) in zip(logits, labelled, strict=True)]
        return torch.stack(risks).mean()
