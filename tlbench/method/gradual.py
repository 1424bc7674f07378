"""Self-training along a chain of unlabelled domains, each step's student being the next one's teacher."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tlbench.data.inputs import Rows, stack
from tlbench.functional.pseudo_labels import margins, surest
from tlbench.method.checks import between
from tlbench.method.estimator import EstimatorMethod

if TYPE_CHECKING:
    from tlbench.tasks import Task

Stage = tuple[Rows, np.ndarray | None]
"""Unlabelled rows, and their weights where they have some."""
LEAST = 1e-3
"""Soft labels below it are left out."""


class GradualMethod(EstimatorMethod):
    """Base of such methods: they say through which sets of rows the chain leads.

    A teacher, at first the classifier on the source (and on the shots), labels the rows of a stage; those of which it is least
    sure are dropped, and a student of the same recipe is fitted on the rest alone, without the source. Shots join the last
    student. A student that would see one class is not fitted: its teacher goes on.

    Args:
        drop: share of a stage's rows that is dropped.
        soft: the student gets the teacher's probabilities as labels, by weights, and not its guesses.
    """

    uses_bridges = True

    def __init__(self, *, drop: float, soft: bool, **base: Any) -> None:
        super().__init__(**base)
        between(0, 0.99, drop=drop)
        self.drop, self.soft = drop, soft

    def stages(self, task: Task) -> Iterator[Stage]:
        """Yield the bridges in order, then the target."""
        for rows in (*task.bridges, task.target):
            yield rows, None

    def fit(self, task: Task) -> Self:
        self.classifier = self.first_classifier(task)
        self.history = []
        stages = list(self.stages(task))
        for number, (rows, weights) in enumerate(stages, 1):
            shots = task.shots if number == len(stages) else None
            extra = ([], []) if shots is None else ([shots.inputs], [shots.labels])
            self._step(rows, weights, *extra)
        return self

    def _step(self, rows: Rows, weights: np.ndarray | None, inputs: list[Any], labels: list[np.ndarray]) -> None:
        probabilities_NC = self.classifier.predict_proba(rows)
        kept = surest(probabilities_NC, 1 - self.drop, balanced=False)
        self.history.append(
            {"kept": len(kept) / len(probabilities_NC), "margin": float(margins(probabilities_NC).mean())}
        )
        said_NC = probabilities_NC[kept]
        if not self.soft:
            said_NC = np.eye(said_NC.shape[1])[said_NC.argmax(axis=1)]
        row_E, class_E = np.nonzero(said_NC >= LEAST)
        if len(np.unique(np.concatenate([class_E, *labels]))) < 2:
            return
        own: Rows = rows[kept[row_E]]
        x: Rows = stack([own, *inputs])
        share_E = said_NC[row_E, class_E] * (1.0 if weights is None else weights[kept[row_E]] / weights[kept].mean())
        whole = np.concatenate([share_E, np.ones(sum(map(len, labels)))])
        even = np.ptp(whole) == 0
        self.classifier = copy.copy(self.classifier).fit(
            x, np.concatenate([class_E, *labels]), None if even else whole * len(whole) / whole.sum()
        )
