"""Manifold embedded distribution alignment: adaptation regularisation on the features of the geodesic flow kernel.

Paper    Wang et al., Visual Domain Adaptation with Manifold Embedded Distribution Alignment, ACM MM 2018, arXiv:1807.07258,
         eqs. 3-11, algorithm 1
Map      x F, F F' the geodesic flow kernel of `dim` principal axes of each domain
Fit      as artl on the mapped rows, `mu` estimated in each round by proxy A-distances of all rows and of each class
Uses     source labels; target inputs; shots, as labelled rows
Departs  1. the distances behind `mu` are of a linear SVM with squared hinge loss, fitted to its optimum (authors: MATLAB's
            stochastic fitclinear, whose numbers vary from run to run); classes that one side lacks are left out
         2. kernel and ridge are those of classifier=kernel_ridge, whose defaults are the authors'
         3. rounds end where the guesses no longer change: further ones would be the same
See      conf/method/meda.yaml, docs/methods/meda.md, tests/baselines/test_adapted_ridge.py
"""

from typing import Any

import numpy as np

from tlbench.functional.subspace import geodesic_factor, principal_axes
from tlbench.method import AdaptedRidgeMethod
from tlbench.method.checks import at_least


class Meda(AdaptedRidgeMethod):
    family = "feature"
    draws = False

    def __init__(self, *, dim: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, dim=dim)
        self.dim = dim

    def learn_map(self, source_ND: np.ndarray, target_MD: np.ndarray) -> None:
        k = min(self.dim, source_ND.shape[1] // 2, len(source_ND) - 1, len(target_MD) - 1)
        self.factor_DK = geodesic_factor(principal_axes(source_ND, k), principal_axes(target_MD, k))

    def mapped(self, x_ND: np.ndarray) -> np.ndarray:
        return x_ND @ self.factor_DK
