"""PCA: the principal axes of both domains together, a map that adapts nothing by itself.

Paper    Pearson 1901; as a baseline of adaptation: Long et al., Transfer Feature Learning with Joint Distribution Adaptation,
         ICCV 2013, section 5
Map      x A, A the first `dim` principal axes of source and target rows together
Uses     source labels (by the classifier alone); target inputs
Departs  none. Rows are not centred, only the axes' covariance is: a shift moves no distance and no linear classifier
See      conf/method/pca.yaml, docs/methods/pca.md, tests/baselines/test_subspace_methods.py
"""

import numpy as np

from tlbench.functional.subspace import principal_axes
from tlbench.method import MappedMethod


class Pca(MappedMethod):
    family = "feature"
    draws = False

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        self.axes = principal_axes(np.concatenate([source_ND, target_MD]), self.dim)

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return x_ND @ self.axes
