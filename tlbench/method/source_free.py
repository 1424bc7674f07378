"""Gradient methods that adapt a source model to the target and see no source example: source-free adaptation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from tlbench.method.base import Start
from tlbench.method.gradient import GradientMethod, SourceOutput, TargetOutput

if TYPE_CHECKING:
    from tlbench.tasks import Labelled, Task


class SourceFreeMethod(GradientMethod):
    """Base of such methods. Stage one is the reference's own run on the same recipe, so that the gain is what stage two adds.

    Where there are labelled target examples, their classification loss is part of stage two.
    """

    family = "self-training"
    sees = frozenset({"target", "shots"})
    domains = ("target",)

    @classmethod
    def starts_from(cls, parameters: Mapping[str, Any]) -> Start:
        return "source_model"

    def labelled(self, task: Task) -> list[Labelled]:
        return [] if task.shots is None else [task.shots]

    @abstractmethod
    def target_terms(self, target: TargetOutput) -> dict[str, Tensor]:
        """Return the scalars of an unlabelled target batch, by name, each with its weight in it."""

    def adaptation_terms(self, source: SourceOutput, target: TargetOutput) -> dict[str, Tensor]:
        return self.target_terms(target)
