"""Transfer component analysis: directions of large variance in which the domains' means agree.

Paper    Pan et al., Domain Adaptation via Transfer Component Analysis, IEEE Transactions on Neural Networks 2011, eqs. 7-11
Map      x X' W with W the first `dim` solutions of max tr(W' K H K W), W' (K M K + ridge I) W = I, K = X X' over both domains
Uses     source labels (by the classifier alone); target inputs
Departs  1. the kernel is linear, so that the map is one of features and reaches new examples
          2. M is divided by its Frobenius norm, and columns of W have one length, as in the authors' code of JDA (Long et al.,
            ICCV 2013), whose column of TCA this reproduces; the paper leaves both open. That length is such that source rows
            keep their mean square length, so that the recipe's C means the same before and after
See      conf/method/tca.yaml, docs/methods/tca.md, tests/baselines/test_subspace_methods.py
"""

from typing import Any

import numpy as np

from tlbench.errors import TlbenchError
from tlbench.functional.components import TransferComponents, mean_difference
from tlbench.method import MappedMethod
from tlbench.method.checks import above_zero
from tlbench.method.mapped import length_ratio


class Tca(MappedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, ridge: float, kernel: str, **base: Any) -> None:
        super().__init__(**base)
        above_zero(ridge=ridge)
        if kernel not in ("linear", "primal"):
            raise TlbenchError(f"method.kernel must be linear or primal, got {kernel!r}.")
        self.ridge, self.kernel = ridge, kernel

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        e_NQ = mean_difference(len(source_ND), len(target_MD))
        both_ND = np.concatenate([source_ND, target_MD])
        self.map = TransferComponents(both_ND, self.kernel).map(e_NQ, ridge=self.ridge, k=self.dim)
        self.map *= length_ratio(source_ND, source_ND @ self.map)

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return x_ND @ self.map
