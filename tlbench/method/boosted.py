"""Estimator methods that boost: rounds of fits of the recipe's classifier with other weights, which vote."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any

import numpy as np

from tlbench.errors import Refused
from tlbench.functional.boosting import LOSSES, one_hot, voted
from tlbench.method.checks import at_least, one_of
from tlbench.method.estimator import EstimatorMethod

if TYPE_CHECKING:
    from tlbench.classifiers.estimators import FeatureClassifier
    from tlbench.data.inputs import Rows
    from tlbench.tasks import Labelled, Task


class BoostedMethod(EstimatorMethod, ABC):
    """Base of such methods, which need labelled target examples and look at no others of the target.

    Args:
        rounds: at most.
        loss: `paper` or `samme`, what chance is with several classes; see `tlbench.functional.boosting.LOSSES`.

    Attributes:
        learners, votes: of the rounds, after `fit`.
    """

    family = "instance"
    draws = False
    weighs = True
    needs_shots = True

    def __init__(self, *, rounds: int, loss: str = "paper", **base: Any) -> None:
        super().__init__(**base)
        at_least(1, rounds=rounds)
        one_of(LOSSES, loss=loss)
        self.rounds, self.loss = rounds, loss
        self.learners: list[FeatureClassifier] = []
        self.votes: list[float] = []

    def shots_of(self, task: Task) -> Labelled:
        """Return the labelled target examples. Raises Refused where there are none."""
        if task.shots is None:
            raise Refused(
                f"{type(self).__module__.rpartition('.')[2]} needs labelled target examples, but protocol.shots is 0. "
                "Set protocol.shots=3, say."
            )
        return task.shots

    def forget(self) -> None:
        super().forget()
        for learner in self.learners:
            learner.forget()

    def first_to_vote(self) -> int:
        """Return the index of the first round that votes."""
        return 0

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        first = self.first_to_vote()
        says_TNC = np.stack([one_hot(learner.predict_proba(x_ND)) for learner in self.learners[first:]])
        return voted(says_TNC, np.array(self.votes[first:]))
