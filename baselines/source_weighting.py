"""Source weighting: several sources pooled, each by its distance from the target and its error.

Paper    Wen, Greiner & Schuurmans, Domain Aggregation Networks for Multi-Source Domain Adaptation (DARN), ICML 2020,
         arXiv:1909.05352, eq. 8, for `rule: darn`; the others are its plain forms
Weights  row of source k: a_k n / n_k. a is equal (`uniform`); exp(-d_k / tau) over its sum with d_k the distance of the means
         (`mmd`) or half the training A-distance (`a_distance`) of source k from the target; or [nu - L_k / tau]_+ over its sum
         (`darn`), L_k = half the A-distance + error on source k
Uses     source labels; target inputs; shots, with weight 1 each
Departs  1. distances are of the recipe's features as they are (paper: of features that an adversary trains)
         2. the error is that of the classifier with equal weights, on the rows that it is fitted on (paper: the current loss)
Note     with one source, or with equal weights of equally large sources, this is source_only (source_and_target with shots)
See      conf/method/source_weighting.yaml, docs/methods/source_weighting.md, tests/baselines/test_several_sources.py
"""

import copy
from typing import Any, Self

import numpy as np

from tlbench.data.inputs import dense, pooled, stack
from tlbench.functional.divergence import training_a_distance
from tlbench.functional.source_weights import darn_weights, softmin_weights, squared_mean_distance
from tlbench.method import EstimatorMethod
from tlbench.method.checks import above_zero, one_of
from tlbench.tasks import Labelled, Task

RULES = ("uniform", "mmd", "a_distance", "darn")


class SourceWeighting(EstimatorMethod):
    family = "instance"
    draws = False
    weighs = True

    def __init__(self, *, rule: str, tau: float, **base: Any) -> None:
        super().__init__(**base)
        one_of(RULES, rule=rule)
        above_zero(tau=tau)
        self.rule, self.tau = rule, tau

    def fit(self, task: Task) -> Self:
        sources = task.sources
        shares_K = self._shares(sources, dense(task.target))
        self.history = [{f"share_{number}": float(share) for number, share in enumerate(shares_K, 1)}]
        each_K = shares_K * len(task.source) / np.array([len(part) for part in sources])
        weights = [np.full(len(part), each) for part, each in zip(sources, each_K, strict=True)]
        blocks, labels = [part.inputs for part in sources], [part.labels for part in sources]
        if task.shots is not None:
            blocks, labels = [*blocks, task.shots.inputs], [*labels, task.shots.labels]
            weights.append(np.ones(len(task.shots)))
        whole = np.concatenate(weights)
        equal = np.ptp(whole) < 1e-12
        self.classifier.fit(stack(blocks), np.concatenate(labels), None if equal else whole / whole.mean())
        return self

    def _shares(self, sources: list[Labelled], target_MD: np.ndarray) -> np.ndarray:
        """Return (K,) shares of the sources, of sum 1."""
        if self.rule == "uniform" or len(sources) == 1:
            return np.full(len(sources), 1.0 / len(sources))
        rows = [dense(part.inputs) for part in sources]
        if self.rule == "mmd":
            return softmin_weights(np.array([squared_mean_distance(x, target_MD) for x in rows]), self.tau)
        apart_K = np.array([training_a_distance(x, target_MD) / 2 for x in rows])
        if self.rule == "a_distance":
            return softmin_weights(apart_K, self.tau)
        return darn_weights(apart_K + self._errors(sources), self.tau)

    def _errors(self, sources: list[Labelled]) -> np.ndarray:
        plain = copy.copy(self.classifier)
        plain.fit(*pooled(sources))
        said = [plain.predict_proba(part.inputs).argmax(axis=1) for part in sources]
        return np.array([(guess != part.labels).mean() for guess, part in zip(said, sources, strict=True)])
