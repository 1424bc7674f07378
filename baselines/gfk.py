"""Geodesic flow kernel: features seen from every subspace between the source's and the target's.

Paper    Gong et al., Geodesic Flow Kernel for Unsupervised Domain Adaptation, CVPR 2012, eqs. 4-6
Map      x F with F F' = the kernel's matrix G, so that (x F)(y F)' = x G y'
Subspaces    the first `dim` principal axes of each domain; with `source_axes: pls` the source's by partial least squares
         on its labels (the paper's GFK(PLS, PCA))
Uses     source labels (by the classifier, and by `pls`); target inputs
Departs  1. `dim` is given (paper: by the subspace disagreement measure), at most half of the features
         2. the classifier is the recipe's (paper: 1-nearest neighbour with the kernel's distance)
See      conf/method/gfk.yaml, docs/methods/gfk.md, tests/baselines/test_subspace_methods.py
"""

from typing import Any

import numpy as np
from sklearn.cross_decomposition import PLSRegression

from tlbench.errors import TlbenchError
from tlbench.functional.subspace import geodesic_factor, principal_axes
from tlbench.method import MappedMethod

AXES = ("pca", "pls")


class GeodesicFlowKernel(MappedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, source_axes: str, **base: Any) -> None:
        super().__init__(**base)
        if source_axes not in AXES:
            raise TlbenchError(f"method.source_axes must be one of {', '.join(AXES)}, got {source_axes!r}.")
        self.source_axes = source_axes

    def most(self, width: int) -> int:
        return width // 2

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        k = min(self.dim, self.most(source_ND.shape[1]), len(source_ND) - 1, len(target_MD) - 1)
        target_DK = principal_axes(target_MD, k)
        by_labels = self.source_axes == "pls"
        source_DK = label_axes(source_ND, labels_N, n_classes, k) if by_labels else principal_axes(source_ND, k)
        self.factor = geodesic_factor(source_DK, target_DK)

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return x_ND @ self.factor


def label_axes(x_ND: np.ndarray, labels_N: np.ndarray, n_classes: int, k: int) -> np.ndarray:
    """Return (D, K) orthonormal columns that span the first k directions of partial least squares of one-hot labels on x."""
    found = PLSRegression(k, scale=False).fit(x_ND, np.eye(n_classes)[labels_N])
    return np.linalg.qr(found.x_weights_)[0]
