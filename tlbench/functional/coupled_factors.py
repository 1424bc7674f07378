"""Coupled non-negative tri-factorisations: several sets of rows, each X = G (F A)' with parts of F and A in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from scipy.linalg import qr
from scipy.optimize import nnls

Matrix: TypeAlias = np.ndarray | sp.csr_matrix
EPS = 1e-12
"""In denominators, where rows have a length of about 1."""


@dataclass(frozen=True)
class Term:
    """One set of rows and what it is factorised into.

    Attributes:
        x_ND: rows, none of them negative, dense or sparse.
        weight: of its squared error, >= 0.
        members: place of its memberships among those of the factorisation.
        blocks: places of the feature clusters that it uses.
    """

    x_ND: Matrix
    weight: float
    members: int
    blocks: tuple[int, ...]


class CoupledFactors:
    """Minimise J = sum over terms of weight |X - G H'|_F^2, H the sum of F A over the term's blocks, by multiplicative updates.

    Every factor stays at 0 or above, and no update raises J: J is quadratic in each kind of factor, with no negative coefficient
    in the square, so that the step of Lee & Seung (NIPS 2000) holds for all blocks at once. An entry that is 0 stays 0.

    Args:
        terms: two or more may use a block or a membership; it is common to them then.
        members: (N, C) of each set of rows, the start.
        fixed: places of those that stay as they are.
        sizes: number of feature clusters of each block; 0 for none.
        rng: draws the start of F and A.

    Attributes:
        f, a: (D, K) and (K, C) of each block; g: the memberships. Columns of F sum to 1.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        members: Sequence[np.ndarray],
        fixed: Iterable[int],
        sizes: Sequence[int],
        rng: np.random.Generator,
    ) -> None:
        width, n_classes = terms[0].x_ND.shape[1], members[0].shape[1]
        self.terms, self.g, self.fixed = list(terms), [g.astype(np.float64) for g in members], frozenset(fixed)
        self.f = [rng.uniform(0.5, 1.5, size=(width, size)) for size in sizes]
        self.a = [rng.uniform(0.5, 1.5, size=(size, n_classes)) for size in sizes]
        self.rescale()

    def profiles(self, term: Term) -> np.ndarray:
        """Return (D, C) the rows' profile of each class, H."""
        return np.sum([self.f[k] @ self.a[k] for k in term.blocks], axis=0)

    def objective(self) -> float:
        """Return J, without a matrix of the rows' size."""
        return float(sum(term.weight * self.squared_error(term) for term in self.terms))

    def squared_error(self, term: Term) -> float:
        """Return |X - G H'|_F^2 of one term."""
        h_DC, g_NC = self.profiles(term), self.g[term.members]
        across, made = ((term.x_ND.T @ g_NC) * h_DC).sum(), ((h_DC.T @ h_DC) * (g_NC.T @ g_NC)).sum()
        return float(squared_length(term.x_ND) - 2 * across + made)

    def round(self) -> None:
        """Update F, rescale it, then A, then G."""
        self.update_f()
        self.rescale()
        self.update_a()
        self.update_g()

    def update_f(self) -> None:
        """Step F <- F * [sum of w X'G A'] / [sum of w H G'G A'], the sums over the terms that use the block."""
        seen, made = self._slopes()
        self.f = [f * (b @ a.T) / (m @ a.T + EPS) for f, a, b, m in zip(self.f, self.a, seen, made, strict=True)]

    def update_a(self) -> None:
        """Step A <- A * [sum of w F'X'G] / [sum of w F'H G'G]."""
        seen, made = self._slopes()
        self.a = [a * (f.T @ b) / (f.T @ m + EPS) for f, a, b, m in zip(self.f, self.a, seen, made, strict=True)]

    def update_g(self) -> None:
        """Step G <- G * [sum of w X H] / [G sum of w H'H], of those that are not fixed."""
        for place in set(range(len(self.g))) - self.fixed:
            own = [(term, self.profiles(term)) for term in self.terms if term.members == place]
            seen_NC = np.sum([term.weight * (term.x_ND @ h_DC) for term, h_DC in own], axis=0)
            inner_CC = np.sum([term.weight * (h_DC.T @ h_DC) for term, h_DC in own], axis=0)
            self.g[place] = self.g[place] * seen_NC / (self.g[place] @ inner_CC + EPS)

    def rescale(self) -> None:
        """Give each column of F the sum 1 and its row of A what that takes; no product changes. A column of zeros stays."""
        for k, f_DK in enumerate(self.f):
            total_K = f_DK.sum(axis=0)
            total_K = np.where(total_K > 0, total_K, 1.0)
            self.f[k], self.a[k] = f_DK / total_K, self.a[k] * total_K[:, None]

    def _slopes(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return (D, C) for each block: the sum over its terms of w X'G, and that of w H G'G."""
        shape = self.f[0].shape[0], self.g[0].shape[1]
        seen, made = ([np.zeros(shape) for _ in self.f] for _ in range(2))
        for term in self.terms:
            g_NC = self.g[term.members]
            seen_DC = term.weight * (term.x_ND.T @ g_NC)
            made_DC = term.weight * (self.profiles(term) @ (g_NC.T @ g_NC))
            for k in term.blocks:
                seen[k], made[k] = seen[k] + seen_DC, made[k] + made_DC
        return seen, made


def squared_length(x_ND: Matrix) -> float:
    """Return |X|_F^2."""
    return float((np.square(x_ND) if isinstance(x_ND, np.ndarray) else x_ND.multiply(x_ND)).sum())


def memberships(x_ND: Matrix, profiles_DC: np.ndarray) -> np.ndarray:
    """Return (N, C) the non-negative g of least |x - H g|^2, of each row by itself.

    Args:
        x_ND: rows, dense or sparse.
        profiles_DC: H, (D, C).
    """
    if profiles_DC.shape[0] < profiles_DC.shape[1]:
        projected_NC, left_CC = x_ND, profiles_DC
    else:
        q_DC, left_CC = qr(profiles_DC, mode="economic")  # |x - H g|^2 is |Q'x - R g|^2 and what g does not move
        projected_NC = x_ND @ q_DC
    return np.array([nnls(left_CC, row)[0] for row in np.asarray(projected_NC)]).reshape(-1, profiles_DC.shape[1])
