"""Logistic ratio: weights are the odds with which a logistic regression takes a source example for one of the target.

Paper    Bickel, Brueckner & Scheffer, Discriminative Learning under Covariate Shift, JMLR 10, 2009
Weights  w(x) = (n / m) P(target | x) / P(source | x)
Uses     source labels (by the classifier alone); target inputs
Departs  1. each weight is by a fit on the other folds: where features outnumber examples, the domains are told apart without
            an error in sample, and all weights would be about zero (folds=1 has them so)
         2. equal weights where the held-out folds are told apart no better than by chance
         3. the two steps of the paper's section on logistic regression, not its joint optimisation of both classifiers
         4. weights are scaled to mean 1, flattened and capped (docs/methods/weighting.md)
         5. the classifier is the recipe's, its C chosen without weights
See      conf/method/logistic_ratio.yaml, docs/methods/logistic_ratio.md, tests/baselines/test_instance_weighting.py
"""

from typing import Any

import numpy as np

from tlbench.functional.ratio import logistic_ratio
from tlbench.method import WeightedMethod
from tlbench.method.checks import above_zero, at_least


class LogisticRatio(WeightedMethod):
    def __init__(self, *, C: float, folds: int, **base: Any) -> None:
        super().__init__(**base)
        above_zero(C=C)
        at_least(1, folds=folds)
        self.C, self.folds = C, folds

    def ratio(
        self, source_ND: np.ndarray, target_MD: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float]]:
        weights_N, told_apart = logistic_ratio(source_ND, target_MD, rng, C=self.C, folds=self.folds)
        return weights_N, {"told_apart": told_apart}
