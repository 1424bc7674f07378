"""Optimal transport by classes: a plan in which source rows of different classes avoid sharing target rows.

Paper    Courty, Flamary, Tuia & Rakotomamonjy, Optimal Transport for Domain Adaptation, TPAMI 39, 2017, arXiv:1507.00504
Map      x_i -> sum_j g_ij z_j / sum_j g_ij, g = argmin <g, |x_i - z_j|^2 / max> + reg sum g log g + eta P(g),
         P(g) = sum over target rows j and classes c of |g_(I_c, j)|_2, I_c the source rows of class c;
         the classifier is fitted on it and applied to the target as it is
Uses     source labels; target inputs; shots, where there are any, join the moved source as they are
Departs  1. costs are divided by the largest, so that `reg` and `eta` mean the same on all data
         2. `reg` and `eta` are given (paper: chosen on a validation part)
         3. the classifier is the recipe's (paper: 1-nearest neighbour)
         4. rows of source validation move by as much as the nearest training row
         5. the group lasso alone (paper: a concave penalty on the mass of a class as well)
Note     POT 0.9.7's sinkhorn_l1l2_gl leaves the entropy out of its line search and stops short of the least objective
See      conf/method/ot_group.yaml, docs/methods/ot_group.md, tests/baselines/test_transported.py
"""

from typing import Any

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.functional.class_transport import group_lasso_plan
from tlbench.method import TransportedMethod
from tlbench.method.checks import at_least


class OtGroup(TransportedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, reg: float, eta: float, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        if not reg > 0 or not eta >= 0:
            raise TlbenchError(
                f"method.reg must be above 0 and method.eta 0 or more, got {reg} and {eta}. "
                "Set by method.reg=... and method.eta=..."
            )
        at_least(1, rounds=rounds)
        self.reg, self.eta, self.rounds = reg, eta, rounds

    def plan(self, cost_NM: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
        plan_NM, self.history = group_lasso_plan(cost_NM, labels_N, reg=self.reg, eta=self.eta, rounds=self.rounds)
        return plan_NM
