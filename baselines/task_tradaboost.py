"""TaskTrAdaBoost: boost on each source alone, then on the labelled target examples with the learners that came of it.

Paper    Yao & Doretto, Boosting for Transfer Learning with Multiple Sources, CVPR 2010, doi 10.1109/CVPR.2010.5539857,
         algorithms 2-3
Fit      first AdaBoost on each source alone; learners with a vote a = ln((1 - e) / e) / 2 above `gamma` are candidates. Then
         AdaBoost on the shots alone, without a fit: each round takes, and removes, the candidate of the least weighted error e_t
Weights  w * beta_t^-[h(x) != y], beta_t = e_t / (1 - e_t), of the examples that the round is about
Vote     all rounds of the second part: class with the largest sum of ln(1 / beta_t) over rounds that say it
Uses     source labels, and which source each example is of; the labelled target shots; no unlabelled target examples
Departs  1. several classes: 0/1 loss and a vote by class; `loss: samme` as in tradaboost
         2. a candidate with e_t > 1/2 has no say (the paper, from memory, turns its answer round, which several classes forbid)
         3. e is kept within [1 / (2m), 1/2] for m examples
         4. the first part ends where a learner has no say or is never wrong, the second where none has or one has e_t <= 1 / (2m)
         5. the base learner is the recipe's classifier; weights reach it scaled to mean 1
See      conf/method/task_tradaboost.yaml, docs/methods/task_tradaboost.md, tests/baselines/test_multisource_boosting.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.errors import Refused
from tlbench.functional.boosting import classes_of, target_beta, weighted_error
from tlbench.method import BoostedMethod
from tlbench.method.checks import at_least
from tlbench.tasks import Labelled, Task


class TaskTrAdaBoost(BoostedMethod):
    def __init__(self, *, gamma: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, gamma=gamma)
        self.gamma = gamma

    source_free = True

    def fit(self, task: Task) -> Self:
        shots, names = self.shots_of(task), task.source_names
        candidates, origins, source_classes = self.given_model(task)
        wrong_LM = np.stack([c.predict_proba(shots.inputs).argmax(axis=1) != shots.labels for c in candidates])
        left, weights, times = list(range(len(candidates))), np.ones(len(shots)), np.zeros(len(names))
        classes = classes_of(self.loss, np.union1d(source_classes, shots.labels))
        self.learners, self.votes, self.history = [], [], []
        while left and len(self.learners) < self.rounds:
            errors = [weighted_error(weights, wrong_LM[place]) for place in left]
            error, best = min(errors), left.pop(int(np.argmin(errors)))
            beta_t = target_beta(weights, wrong_LM[best], classes)
            if beta_t == 1.0 and self.learners:
                break
            self.learners.append(candidates[best])
            self.votes.append(-np.log(beta_t))
            times[origins[best]] += 1
            shares = {f"chosen_{name}": float(time / times.sum()) for name, time in zip(names, times, strict=True)}
            self.history.append({"target_error": error, **shares})
            if beta_t == 1.0 or error <= 1.0 / (2 * len(shots)):
                break
            weights = np.where(wrong_LM[best], weights / beta_t, weights)
            weights /= weights.sum()
        return self

    def source_model(self, task: Task) -> tuple[list[FeatureClassifier], list[int], np.ndarray]:
        """Return what `candidates` gives, and the classes of the sources. Nowhere else are source examples read."""
        return *self.candidates(task), np.unique(task.source.labels)

    def candidates(self, task: Task) -> tuple[list[FeatureClassifier], list[int]]:
        """Return the learners of the first part, and the place of the source of each."""
        self.classifier.forget()
        found = [
            (learner, vote, place)
            for place, source in enumerate(task.sources)
            for learner, vote in self.boosted(copy.deepcopy(self.classifier), source)
        ]
        kept = [(learner, place) for learner, vote, place in found if vote > self.gamma]
        if not kept:
            most = max(vote for _, vote, _ in found)
            raise Refused(
                f"task_tradaboost has no learner of a source whose vote is above method.gamma={self.gamma}: the largest is "
                f"{abs(most):.3g}. Set a smaller method.gamma, or a classifier that learns the source."
            )
        return [learner for learner, _ in kept], [place for _, place in kept]

    def boosted(self, base: FeatureClassifier, source: Labelled) -> list[tuple[FeatureClassifier, float]]:
        """Return the learners of AdaBoost on one source, each with its vote."""
        x, y, found = source.inputs, source.labels, []
        weights, classes = np.ones(len(y)), classes_of(self.loss, y)
        for _ in range(self.rounds):
            learner = copy.copy(base).fit(x, y, weights * len(y) / weights.sum())
            wrong = learner.predict_proba(x).argmax(axis=1) != y
            beta = target_beta(weights, wrong, classes)
            found.append((learner, float(-np.log(beta) / 2)))
            if beta == 1.0 or not wrong.any():
                break
            weights = np.where(wrong, weights / beta, weights)
            weights /= weights.sum()
        base.forget()  # what its copies share: kernels and spans of the source's rows
        return found
