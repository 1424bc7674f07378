"""Structural correspondence learning: words that go with the same pivot words in both domains are made one feature.

Paper    Blitzer, McDonald & Pereira, Domain Adaptation with Structural Correspondence Learning, EMNLP 2006; pivots by mutual
         information: Blitzer, Dredze & Pereira, Biographies, Bollywood, Boom-boxes and Blenders, ACL 2007
Map      x -> [x, s (x theta - mean)], theta the first `dim` left singular vectors of W, the ridge regressions of each pivot's
         presence on all other words, on the rows of both domains; s such that the new block has `scale` times the length of x
Uses     source labels, to choose the pivots and by the classifier; target inputs; shots, where there are any, mapped alike
Departs  1. squared loss with an intercept and `ridge` (paper: modified Huber loss), so one factorisation serves all pivots
         2. no pivot is among the words that predict (paper: each is masked where it is itself predicted)
         3. both blocks' lengths are Euclidean, the new one's about its mean, of equal size by default (paper: sums, five times)
         4. W keeps its negative entries (paper: they are set to 0). What is said of the paper is from memory
See      conf/method/scl.yaml, docs/methods/scl.md, tests/baselines/test_scl.py
"""

from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from tlbench.data.inputs import Rows, stack
from tlbench.errors import Refused
from tlbench.functional.pivots import information, leading_directions, presence_weights
from tlbench.method import EstimatorMethod
from tlbench.method.checks import above_zero, at_least
from tlbench.tasks import Task


class Scl(EstimatorMethod):
    family = "feature"
    draws = False

    def __init__(self, *, pivots: int, frequent: int, dim: int, ridge: float, scale: float, **base: Any) -> None:
        super().__init__(**base)
        at_least(1, pivots=pivots, frequent=frequent, dim=dim)
        above_zero(ridge=ridge)
        at_least(0, scale=scale)
        self.pivots, self.frequent, self.dim, self.ridge, self.scale = pivots, frequent, dim, ridge, scale

    def fit(self, task: Task) -> Self:
        both: Rows = stack([task.source.inputs, task.target])
        here = sp.csc_matrix(both > 0, dtype=np.float64)
        pivots = self._pivots(here[: len(task.source)], here[len(task.source) :], task.source.labels)
        others = np.setdiff1d(np.arange(both.shape[1]), pivots)
        w_VP, explained = presence_weights(both[:, others], here[:, pivots].toarray(), self.ridge)
        theta_VK = leading_directions(w_VP, self.dim)
        self.theta = np.zeros((both.shape[1], theta_VK.shape[1]))
        self.theta[others] = theta_VK
        block_NK = both @ self.theta
        self.centre = block_NK.mean(axis=0)
        length, own = np.linalg.norm(block_NK - self.centre), np.sqrt(sp.csr_matrix(both).power(2).sum())
        self.size = self.scale * own / (length or 1)
        self.history = [{"pivots": float(len(pivots)), "explained": explained, "directions": float(theta_VK.shape[1])}]
        sets = self.labelled(task)
        x: Rows = stack([self.features(part.inputs, "source") for part in sets])
        self.classifier.fit(x, np.concatenate([part.labels for part in sets]))
        return self

    def _pivots(self, source_ND: sp.csc_matrix, target_MD: sp.csc_matrix, labels_N: np.ndarray) -> np.ndarray:
        counts_2D = np.stack([np.asarray(part.sum(axis=0)).ravel() for part in (source_ND, target_MD)])
        common = np.flatnonzero(counts_2D.min(axis=0) >= self.frequent)
        if not len(common):
            raise Refused(
                f"No feature is above 0 in {self.frequent} examples of the source and of the target, so there is no pivot. "
                "Set method.frequent=... lower, or use features that are counts, such as words."
            )
        most = min(self.pivots, source_ND.shape[1] // 2)  # as many are left to predict them
        told = np.round(information(source_ND[:, common], labels_N), 12)  # equal but for rounding is equal
        return np.sort(common[np.argsort(-told, kind="stable")[:most]])

    def features(self, x_ND: Rows, domain: str) -> Rows:
        block_NK = self.size * (x_ND @ self.theta - self.centre)
        if sp.issparse(x_ND):
            return sp.csr_matrix(sp.hstack([x_ND, sp.csr_matrix(block_NK)]))
        return np.concatenate([x_ND, block_NK], axis=1)
