"""Optimal transport with entropy: each source row goes to the mean of the target rows that a smooth plan sends it to.

Paper    Courty, Flamary, Tuia & Rakotomamonjy, Optimal Transport for Domain Adaptation, TPAMI 39, 2017, arXiv:1507.00504
Map      x_i -> sum_j g_ij z_j / sum_j g_ij, g = argmin <g, |x_i - z_j|^2 / max> + reg sum g log g, rows of g sum to 1/N,
         columns to 1/M; the classifier is fitted on it and applied to the target as it is
Uses     source labels (by the classifier alone); target inputs; shots, where there are any, join the moved source as they are
Departs  1. costs are divided by the largest, so that `reg` means the same on all data
         2. `reg` is given (paper: chosen on a validation part)
         3. the classifier is the recipe's (paper: 1-nearest neighbour)
         4. rows of source validation move by as much as the nearest training row
See      conf/method/ot_sinkhorn.yaml, docs/methods/ot_sinkhorn.md, tests/baselines/test_transported.py
"""

from typing import Any

import numpy as np

from tlbench.functional.transport import entropic_plan, reach
from tlbench.method import TransportedMethod
from tlbench.method.checks import above_zero


class OtSinkhorn(TransportedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, reg: float, **base: Any) -> None:
        super().__init__(**base)
        above_zero(reg=reg)
        self.reg = reg

    def plan(self, cost_NM: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
        plan_NM = entropic_plan(cost_NM, self.reg)
        self.history = [{"cost": float((plan_NM * cost_NM).sum()), "reach": reach(plan_NM)}]
        return plan_NM
