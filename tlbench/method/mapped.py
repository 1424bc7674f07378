"""Estimator methods that are a map of the features before the recipe's classifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tlbench.data.inputs import dense
from tlbench.method.checks import at_least
from tlbench.method.estimator import EstimatorMethod

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task


class MappedMethod(EstimatorMethod, ABC):
    """Base of such methods: they say how they learn their map and how they apply it.

    The classifier is fitted on the mapped source and on the labelled target shots, where there are any, mapped as the target
    is. Test examples are mapped as the target is, those of source validation as the source: they need not be among the
    training examples.

    Args:
        dim: dimensions of the map, at most; where features allow fewer, the plan says so in a line and the run takes these.
    """

    def __init__(self, *, dim: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, dim=dim)
        self.dim = dim

    def most(self, width: int) -> int:
        """Return the dimensions that a map of rows of this width has at most."""
        return width

    @abstractmethod
    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        """Learn the map from the labelled source and the unlabelled target."""

    @abstractmethod
    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        """Map rows of the `source` or the `target`."""

    def features(self, x_ND: Rows, domain: str) -> np.ndarray:
        return self.mapped(dense(x_ND), domain)

    def fit(self, task: Task) -> Self:
        self.learn(dense(task.source.inputs), task.source.labels, dense(task.target), task.n_classes)
        blocks, labels = [self.features(task.source.inputs, "source")], [task.source.labels]
        if task.shots is not None:
            blocks.append(self.features(task.shots.inputs, "target"))
            labels.append(task.shots.labels)
        self.classifier.fit(np.concatenate(blocks), np.concatenate(labels))
        return self


def length_ratio(x_ND: np.ndarray, mapped_NK: np.ndarray) -> float:
    """Return the root mean square length of rows over that of their images. Times it a map keeps lengths, and a C its meaning."""
    return float(np.sqrt(np.square(x_ND).sum() / np.square(mapped_NK).sum()))
