"""Subspace alignment: turn the source's principal axes onto the target's.

Paper    Fernando et al., Unsupervised Visual Domain Adaptation Using Subspace Alignment, ICCV 2013, eqs. 1-3
Map      source: x P_s P_s' P_t; target: x P_t, P the first `dim` principal axes of a domain
Uses     source labels (by the classifier alone); target inputs
Departs  1. `dim` is given (paper: from a bound on the axes' stability, then by cross-validation on source labels)
         2. rows are projected as they are; the paper centres each domain, which data sets with a z-score per domain have done
See      conf/method/sa.yaml, docs/methods/sa.md, tests/baselines/test_subspace_methods.py
"""

import numpy as np

from tlbench.functional.subspace import principal_axes
from tlbench.method import MappedMethod


class SubspaceAlignment(MappedMethod):
    family = "feature"
    draws = False
    revision = 2

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        source_DK, target_DL = principal_axes(source_ND, self.dim), principal_axes(target_MD, self.dim)
        self.maps = {"source": source_DK @ (source_DK.T @ target_DL), "target": target_DL}

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return x_ND @ self.maps[domain]
