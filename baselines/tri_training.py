"""Tri-training: three learners from three bootstraps; each learns what the other two agree on.

Paper    Zhou & Li, Tri-Training, IEEE TKDE 17(11), 2005; as Ruder & Plank, ACL 2018, arXiv:1804.09530, algorithm 1, have it for
         domain adaptation
Rounds   each learner is fitted on its bootstrap of the source and on the target rows on which the two others agree, with their
         class; until no learner's rows or classes change, at most `rounds`
Vote     the mean of the three learners' probabilities
Uses     source labels; target inputs; shots, which join every bootstrap whole
Departs  1. bootstraps are drawn by class, so that no class disappears from one
         2. rows are taken whatever the learners' error on the source (2005: only where a bound on it falls)
         3. the vote weighs by how sure the learners are (paper: majority)
See      conf/method/tri_training.yaml, docs/methods/tri_training.md, tests/baselines/test_tri_training.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.data.inputs import Rows, stack
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least
from tlbench.seeds import stream
from tlbench.tasks import Task

NOBODY = -1


class TriTraining(EstimatorMethod):
    family = "self-training"

    def __init__(self, *, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, rounds=rounds)
        self.rounds = rounds

    def fit(self, task: Task) -> Self:
        drawn = [bootstrap(task.source.labels, self.classifier.seed, number) for number in range(3)]
        sets = [self._with_shots(task, task.source.inputs[rows], task.source.labels[rows]) for rows in drawn]
        self.learners = [copy.copy(self.classifier).fit(x, y) for x, y in sets]
        self.history, agreed = [], [np.full(task.target.shape[0], NOBODY)] * 3
        for _ in range(self.rounds):
            guesses = [learner.predict_proba(task.target).argmax(axis=1) for learner in self.learners]
            before, agreed = agreed, [agreement(guesses[(i + 1) % 3], guesses[(i + 2) % 3]) for i in range(3)]
            changed = float(np.mean([(now != then).mean() for now, then in zip(agreed, before, strict=True)]))
            share = float(np.mean([(now != NOBODY).mean() for now in agreed]))
            self.history.append({"agreed": share, "changed": changed})
            if changed == 0:
                break
            self.learners = [self._taught(x, y, task.target, said) for (x, y), said in zip(sets, agreed, strict=True)]
        return self

    def _with_shots(self, task: Task, inputs: Rows, labels: np.ndarray) -> tuple[Rows, np.ndarray]:
        if task.shots is None:
            return inputs, labels
        return stack([inputs, task.shots.inputs]), np.concatenate([labels, task.shots.labels])

    def _taught(self, inputs: Rows, labels: np.ndarray, target: Rows, said_M: np.ndarray) -> Any:
        rows = np.flatnonzero(said_M != NOBODY)
        return copy.copy(self.classifier).fit(stack([inputs, target[rows]]), np.concatenate([labels, said_M[rows]]))

    def forget(self) -> None:
        super().forget()
        for learner in self.learners:
            learner.forget()

    def predict_proba(self, x_ND: Rows, domain: str = "target") -> np.ndarray:
        return np.mean([learner.predict_proba(x_ND) for learner in self.learners], axis=0)


def bootstrap(labels_N: np.ndarray, seed: int, number: int) -> np.ndarray:
    """Draw as many rows of each class as it has, with replacement; sorted."""
    rng = stream(seed, "tri_training", str(number))
    rows = (np.flatnonzero(labels_N == label) for label in np.unique(labels_N))
    return np.sort(np.concatenate([rng.choice(own, len(own)) for own in rows]))


def agreement(one_M: np.ndarray, other_M: np.ndarray) -> np.ndarray:
    """Return (M,) the class that both say, -1 where they differ."""
    return np.where(one_M == other_M, one_M, NOBODY)
