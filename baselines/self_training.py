"""Self-training: the classifier's own surest guesses on the target become labels, and it is fitted again.

Paper    Scudder, Probability of Error of Some Adaptive Pattern-Recognition Machines, IEEE Trans. Information Theory 1965; by
         class and by a rising share, as in later practice (Zou et al., ECCV 2018, arXiv:1810.07911, have the balance by class)
Rounds   of `rounds`: guess the target, keep the share r / rounds of the surest, of each guessed class where `balanced`, or all
         that are as sure as `threshold`; fit the classifier on the source and on what is kept
Uses     source labels; target inputs; shots, which join the source
Departs  1. how sure a guess is: the largest probability less the second, equal for two classes to the largest alone
         2. labels are hard, and each round starts anew from the source: a row kept once may be left out later
Note     under a private source the first guesses are those of its owner's classifier, and each round fits on what is kept of the
         target, and the shots, alone
See      conf/method/self_training.yaml, docs/methods/self_training.md, tests/baselines/test_self_training.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.data.inputs import Rows, pooled, stack
from tlbench.functional.pseudo_labels import margins, surest
from tlbench.method import EstimatorMethod
from tlbench.method.checks import at_least, between
from tlbench.tasks import Task


class SelfTraining(EstimatorMethod):
    family = "self-training"
    draws = False
    source_free = True

    def __init__(self, *, rounds: int, balanced: bool, threshold: float | None, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, rounds=rounds)
        if threshold is not None:
            between(0, 1, threshold=threshold)
        self.rounds, self.balanced, self.threshold = rounds, balanced, threshold

    def fit(self, task: Task) -> Self:
        inputs, labels = pooled(self.labelled(task))
        self.history, before = [], None
        self.classifier = self.first_classifier(task)
        for number in range(1, self.rounds + 1):
            probabilities = self.classifier.predict_proba(task.target)
            guesses, kept = probabilities.argmax(axis=1), self._kept(probabilities, number / self.rounds)
            changed = 1.0 if before is None else float((guesses != before).mean())
            self.history.append({"kept": len(kept) / len(guesses), "guesses_changed": changed})
            both: Rows = stack([inputs, task.target[kept]])
            learnt = np.concatenate([labels, guesses[kept]])
            if len(np.unique(learnt)) > 1:
                self.classifier = copy.copy(self.classifier).fit(both, learnt)
            before = guesses
        return self

    def _kept(self, probabilities_MC: np.ndarray, share: float) -> np.ndarray:
        if self.threshold is not None:
            return np.flatnonzero(margins(probabilities_MC) >= self.threshold)
        return surest(probabilities_MC, share, balanced=self.balanced)
