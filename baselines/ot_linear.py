"""Linear optimal transport: the optimal map between the Gaussians of the two domains, then a classifier.

Paper    Knott & Smith, On the Optimal Mapping of Distributions, J. Optimization Theory and Applications 43, 1984;
         for adaptation: Flamary, Lounici & Ferrari, arXiv:1905.10155, 2019
Map      x -> m_t + (x - m_s) T, T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2), m the means, A = C_s + ridge I,
         B = C_t + ridge I; the classifier is fitted on it and applied to the target as it is
Uses     source labels (by the classifier alone); target inputs only; shots, where there are any, join the moved source as
         they are
Departs  1. both covariances get a ridge of 1, as in CORAL (paper: none; with fewer rows than features there is no map without)
         2. covariances are divided by n - 1 (paper: n)
         3. the classifier is the recipe's
See      conf/method/ot_linear.yaml, docs/methods/ot_linear.md, tests/baselines/test_ot_linear.py
"""

from typing import Any

import numpy as np

from tlbench.functional.gaussian_map import gaussian_map
from tlbench.method import MovedMethod
from tlbench.method.checks import above_zero


class OtLinear(MovedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, ridge: float, **base: Any) -> None:
        super().__init__(**base)
        above_zero(ridge=ridge)
        self.ridge = ridge

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray) -> np.ndarray:
        self.map = gaussian_map(source_ND, target_MD, self.ridge)
        return self.map(source_ND)

    def moved(self, x_ND: np.ndarray) -> np.ndarray:
        return self.map(x_ND)
