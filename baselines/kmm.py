"""Kernel mean matching: weigh the source so that its mean in a kernel's feature space is the target's.

Paper    Huang et al., Correcting Sample Selection Bias by Unlabeled Data, NIPS 2006, eq. 12
Weights  min b'Kb / 2 - k'b + ridge |b - 1|^2 / 2 over 0 <= b <= cap, |sum b - n| <= n slack;
         k_i = (n/m) sum_j k(x_i, z_j), k Gaussian
Uses     source labels (by the classifier alone); target inputs
Departs  1. the kernel is one of the first `dim` principal axes of both domains, its width in units of the median distance
         2. the upper bound of a weight is `cap` = 10 (paper: 1000)
         3. the ridge (paper: 0): without one, few dimensions leave the weights to the solver's rounding
         4. weights are scaled to mean 1, flattened and capped (docs/methods/weighting.md)
         5. the classifier is the recipe's, its C chosen without weights
Note     no program of others is needed: the gap of the solution is certified and logged
See      conf/method/kmm.yaml, docs/methods/kmm.md, tests/baselines/test_instance_weighting.py
"""

from typing import Any

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.functional.ratio import kmm_ratio
from tlbench.method import WeightedMethod
from tlbench.method.checks import above_zero, at_least


class Kmm(WeightedMethod):
    draws = False

    def __init__(self, *, width: float, ridge: float, slack: float | None, **base: Any) -> None:
        super().__init__(**base)
        above_zero(width=width)
        at_least(0, ridge=ridge)
        if slack is not None and slack < 0:
            raise TlbenchError(f"method.slack must be 0 or more, or null, got {slack}. Set by method.slack=...")
        self.width, self.ridge, self.slack = width, ridge, slack

    def ratio(
        self, source_ND: np.ndarray, target_MD: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, float]]:
        weights_N, gap = kmm_ratio(
            source_ND, target_MD, width=self.width, upper=self.cap, ridge=self.ridge, slack=self.slack
        )
        return weights_N, {"gap": gap}
