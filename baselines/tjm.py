"""Transfer joint matching: transfer components to which few source rows are let contribute.

Paper    Long et al., Transfer Joint Matching for Unsupervised Domain Adaptation, CVPR 2014, eqs. 6-10, algorithm 1
Map      unit rows of x X' W, W the first `dim` solutions of (K M K + ridge G) w = K H K w Phi, by rising Phi; G is diagonal:
         1 / |row i of W| for source rows, from the round before, and 1 for target rows (at first 1 for all)
Uses     source labels (by the classifier alone); target inputs
Departs  1. the kernel is linear, so that the map is one of features and reaches new examples; M is divided by its Frobenius norm
         2. G has 1 / |w_i|, as in the authors' code, and not half of it (eq. 9); columns of W have unit length before they are
            measured
         3. one factor keeps the source's root mean square length, so that the recipe's C means the same
         4. the classifier is the recipe's (paper: 1-nearest neighbour)
See      conf/method/tjm.yaml, docs/methods/tjm.md, tests/baselines/test_tjm.py
"""

from typing import Any

import numpy as np

from tlbench.functional.components import leading, mean_difference, row_span
from tlbench.functional.row_lengths import root_mean_square, unit_rows
from tlbench.method import MappedMethod
from tlbench.method.checks import above_zero, at_least

FLOOR = 1e-10
"""Least length of a row of W, over the largest: a row that has left would have no inverse."""
STILL_IN = 1e-2
"""A source row contributes whose length is at least this, over the largest."""


class Tjm(MappedMethod):
    family = "feature"
    draws = False

    def __init__(self, *, ridge: float, rounds: int, **base: Any) -> None:
        super().__init__(**base)
        above_zero(ridge=ridge)
        at_least(1, rounds=rounds)
        self.ridge, self.rounds = ridge, rounds

    def learn(self, source_ND: np.ndarray, labels_N: np.ndarray, target_MD: np.ndarray, n_classes: int) -> None:
        both_ND, n = unit_rows(np.concatenate([source_ND, target_MD])), len(source_ND)
        _, axes_RD = row_span(both_ND)
        x_NR, e_N1 = both_ND @ axes_RD.T, mean_difference(n, len(target_MD))
        e_N1 = e_N1 / np.linalg.norm(e_N1)
        penalty_N, self.history = np.ones(len(x_NR)), []
        for _ in range(self.rounds):
            w_NK = matched(x_NR, e_N1, penalty_N, ridge=self.ridge, k=self.dim)
            length_N = np.linalg.norm(w_NK[:n], axis=1)
            penalty_N[:n] = 1.0 / np.maximum(length_N, FLOOR * length_N.max())
            self.history.append({"rows_used": float((length_N >= STILL_IN * length_N.max()).mean())})
        self.map = axes_RD.T @ (x_NR.T @ w_NK)
        self.length = root_mean_square(source_ND) / root_mean_square(unit_rows(source_ND) @ self.map)

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return self.length * (unit_rows(x_ND) @ self.map)


def matched(x_NR: np.ndarray, e_NQ: np.ndarray, penalty_N: np.ndarray, *, ridge: float, k: int) -> np.ndarray:
    """Return (N, K) W of unit columns: the solutions of (K E E' K + ridge G) w = K H K w Phi of the smallest Phi, K = X X'.

    With G^1/2 w in place of w the problem lies in the span of G^-1/2 X: no N x N matrix is formed, the cost is O(N R^2 + R^3).

    Args:
        x_NR: rows, of full column rank.
        penalty_N: diagonal of G, > 0.
        k: at most R.
    """
    centred_NR = x_NR - x_NR.mean(axis=0)
    root_N1 = np.sqrt(penalty_N)[:, None]
    basis_NR, triangle_RR = np.linalg.qr(x_NR / root_N1)
    scatter_RR = triangle_RR @ (centred_NR.T @ centred_NR) @ triangle_RR.T
    vectors_RK = leading(scatter_RR, triangle_RR @ (x_NR.T @ e_NQ), ridge, min(k, len(triangle_RR)))
    w_NK = (basis_NR @ vectors_RK) / root_N1
    return w_NK / np.linalg.norm(w_NK, axis=0)
