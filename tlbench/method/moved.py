"""Estimator methods that move the source's rows to where the target's are, and leave those as they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tlbench.functional.transport import barycentres, nearest, need_pot, scaled_cost
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.mapped import dense

if TYPE_CHECKING:
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Task


class MovedMethod(EstimatorMethod, ABC):
    """Base of such methods: they say where the training rows of the source go, and where others would.

    The classifier is fitted on the moved source and on the labelled target shots, where there are any, as they are. Test
    examples are taken as they are, those of source validation are moved.
    """

    @abstractmethod
    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray) -> np.ndarray:
        """Learn from the labelled source and the unlabelled target; return (N, D) where the source's rows go."""

    @abstractmethod
    def moved(self, x_ND: np.ndarray) -> np.ndarray:
        """Move rows of the source, training examples or not."""

    def features(self, x_ND: Rows, domain: str) -> np.ndarray:
        return self.moved(dense(x_ND)) if domain == "source" else dense(x_ND)

    def fit(self, task: Task) -> Self:
        blocks = [self.learn(dense(task.source.inputs), task.source.labels, dense(task.target))]
        labels = [task.source.labels]
        if task.shots is not None:
            blocks.append(dense(task.shots.inputs))
            labels.append(task.shots.labels)
        self.classifier.fit(np.concatenate(blocks), np.concatenate(labels))
        return self


class TransportedMethod(MovedMethod):
    """Base of those that move by a transport plan: each source row goes to the mean of the target rows that it is sent to.

    The cost of sending is the squared Euclidean distance over the largest one. A row that is no training example moves by as
    much as the nearest one that is (Ferradans et al., SIAM J. Imaging Sciences 7, 2014).
    """

    def __init__(self, **base: Any) -> None:
        super().__init__(**base)
        need_pot(type(self).__module__.rpartition(".")[2])

    @abstractmethod
    def plan(self, cost_NM: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
        """Return the plan (N, M) for costs in [0, 1], row sums 1/N and column sums 1/M, and set the history."""

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray) -> np.ndarray:
        images_ND = barycentres(self.plan(scaled_cost(source_ND, target_MD, np.max), labels_N), target_MD)
        self.source, self.shift = source_ND, images_ND - source_ND
        return images_ND

    def moved(self, x_ND: np.ndarray) -> np.ndarray:
        return x_ND + self.shift[nearest(x_ND, self.source)]
