"""References: what a method is compared with. They train on labelled examples alone, with any classifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from tlbench.data.inputs import pooled
from tlbench.errors import Refused
from tlbench.method.base import Method
from tlbench.method.estimator import EstimatorMethod

if TYPE_CHECKING:
    from tlbench.tasks import Labelled, Task


class Reference(Method, ABC):
    """Base of references: names the labelled sets to train on; the classifier of the recipe does the rest."""

    learner = "either"
    family = "reference"
    draws = False
    uses_bridges = True  # it leaves them aside: what it says of a chain is what it says of the direct pair
    domains: ClassVar[tuple[str, ...]] = ("source", "target")
    """Of each of its labelled sets."""

    @abstractmethod
    def examples(self, task: Task, target_labels: np.ndarray | None) -> list[Labelled]:
        """Return the labelled sets. `target_labels` are those of `task.target`, given to an oracle only, else None."""


def shots_of(task: Task) -> Labelled:
    """Return the labelled target examples. Raises Refused where there are none."""
    if task.shots is None:
        raise Refused(
            "This reference trains on labelled target examples, but protocol.shots is 0. Set protocol.shots=3."
        )
    return task.shots


class SupervisedEstimator(EstimatorMethod):
    """A classifier fitted on labelled sets alone."""

    def __init__(self, *, examples: list[Labelled], **base: Any) -> None:
        super().__init__(**base)
        self.examples = examples

    def forget(self) -> None:
        super().forget()
        self.examples = []

    def fit(self, task: Task) -> Self:
        self.classifier.fit(*pooled(self.examples))
        return self
