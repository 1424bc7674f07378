"""Joint geometrical and statistical alignment: one map for each domain, near each other, that keep variance and classes.

Paper    Zhang, Li & Ogunbona, Joint Geometrical and Statistical Alignment for Visual Domain Adaptation, CVPR 2017,
         arXiv:1705.05498, eqs. 3-13
Map      unit rows of x A (source) or x B (target), [A; B] the first `dim` solutions of
         diag(beta S_b, mu S_t) W = [T_ss + alpha I + beta S_w, T_st - alpha I; T_ts - alpha I, T_tt + (alpha + mu) I] W Lambda,
         S_t the target's scatter, S_w and S_b the source's within and between classes, T blocks of X' M X as in JDA
Uses     source labels; target inputs
Departs  1. M is divided by the Frobenius norm of its marginal term alone, as in the authors' code
         2. the source's root mean square length is kept by one factor of both maps, so that the recipe's C means the same
         3. the classifier is the recipe's (paper: 1-nearest neighbour), and so it makes the first guesses, on rows of one length
         4. rounds end where the guesses no longer change; where they end in a cycle of two, the number of rounds decides
See      conf/method/jgsa.yaml, docs/methods/jgsa.md, tests/baselines/test_jda_family.py
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from tlbench.functional.components import class_differences, leading, mean_difference, row_span
from tlbench.functional.row_lengths import root_mean_square, unit_rows
from tlbench.method import Domains, GuessingMethod
from tlbench.method.checks import above_zero

TINY = 1e-9
"""On the diagonal of the right side, as in the authors' code."""


@dataclass(frozen=True)
class Alignment:
    """What all rounds share, in the span of both domains' rows.

    Attributes:
        axes_RD: the span; pairs of maps have 2 R rows in it.
        left_PP: L^-1 diag(beta S_b, mu S_t) L^-T for the right side without M, L L'.
        lower_PP: L.
        spread_PN: L^-1 diag(X_s', X_t').
    """

    axes_RD: np.ndarray
    left_PP: np.ndarray
    lower_PP: np.ndarray
    spread_PN: np.ndarray


class Jgsa(GuessingMethod[Alignment]):
    family = "feature"
    draws = False

    def __init__(self, *, alpha: float, beta: float, mu: float, **base: Any) -> None:
        super().__init__(**base)
        above_zero(alpha=alpha, beta=beta, mu=mu)
        self.alpha, self.beta, self.mu = alpha, beta, mu

    def begin(self, domains: Domains) -> Alignment:
        source_ND, target_MD = unit_rows(domains.source_ND), unit_rows(domains.target_MD)
        _, axes_RD = row_span(np.concatenate([source_ND, target_MD]))
        source_NR, target_MR = source_ND @ axes_RD.T, target_MD @ axes_RD.T
        within_RR, between_RR = scatters(source_NR, domains.labels_N)
        centred_MR = target_MR - target_MR.mean(axis=0)
        one, none = np.eye(len(axes_RD)), np.zeros_like(within_RR)
        left_PP = np.block([[self.beta * between_RR, none], [none, self.mu * centred_MR.T @ centred_MR]])
        tied = self.alpha * one
        right_PP = np.block([[tied + self.beta * within_RR, -tied], [-tied, tied + self.mu * one]])
        lower_PP = cholesky(right_PP + TINY * np.eye(len(right_PP)), lower=True)
        half_PP = solve_triangular(lower_PP, left_PP, lower=True)
        whole_PP = solve_triangular(lower_PP, half_PP.T, lower=True)
        rows_PN = np.block(
            [[source_NR.T, np.zeros((len(one), len(target_MR)))], [np.zeros((len(one), len(source_NR))), target_MR.T]]
        )
        return Alignment(
            axes_RD, (whole_PP + whole_PP.T) / 2, lower_PP, solve_triangular(lower_PP, rows_PN, lower=True)
        )

    def improve(self, problem: Alignment, domains: Domains, guesses_M: np.ndarray | None) -> dict[str, float]:
        if guesses_M is None:
            length = root_mean_square(domains.source_ND)
            guesses_M = self.guess(domains, lambda x_ND, _: length * unit_rows(x_ND))
        whole_N1 = np.sqrt(domains.n_classes) * mean_difference(len(domains.source_ND), len(domains.target_MD))
        e_NQ = np.concatenate([whole_N1, class_differences(domains.labels_N, guesses_M, domains.n_classes)], axis=1)
        e_NQ = e_NQ / np.linalg.norm(whole_N1)  # the norm of e e' is that of e squared
        vectors_PK = leading(problem.left_PP, problem.spread_PN @ e_NQ, 1.0, min(self.dim, len(problem.axes_RD)))
        pair_PK = solve_triangular(problem.lower_PP, vectors_PK, lower=True, trans="T")
        pair_PK = pair_PK / np.linalg.norm(pair_PK, axis=0)
        maps_2RK = pair_PK.reshape(2, len(problem.axes_RD), -1)
        self.maps = dict(zip(("source", "target"), problem.axes_RD.T @ maps_2RK, strict=True))
        self.length = 1.0
        self.length = root_mean_square(domains.source_ND) / root_mean_square(self.mapped(domains.source_ND, "source"))
        return {}

    def mapped(self, x_ND: np.ndarray, domain: str) -> np.ndarray:
        return self.length * (unit_rows(x_ND) @ self.maps[domain])


def scatters(x_ND: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (D, D) within-class and between-class scatter: sums over rows, not means (eqs. 4 and 5)."""
    classes, place_N, count_C = np.unique(labels_N, return_inverse=True, return_counts=True)
    means_CD = np.stack([x_ND[labels_N == c].mean(axis=0) for c in classes])
    inner_ND = x_ND - means_CD[place_N]
    outer_CD = (means_CD - x_ND.mean(axis=0)) * np.sqrt(count_C)[:, None]
    return inner_ND.T @ inner_ND, outer_CD.T @ outer_CD
