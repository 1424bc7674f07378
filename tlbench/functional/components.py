"""Transfer components: directions of large variance in which the domains' (and classes') means agree."""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag, eigh
from scipy.sparse.linalg import eigsh

from tlbench.functional.kept import keep_results

DENSE = 800
"""Rank up to which the dense solver is used; above it Lanczos finds the leading few in a third of the time."""


def mean_difference(n_source: int, n_target: int) -> np.ndarray:
    """Return (N, 1) e with e e' = M_0: x' e is the difference of the domains' means (Pan et al. 2011, eq. 3)."""
    return np.concatenate([np.full(n_source, 1.0 / n_source), np.full(n_target, -1.0 / n_target)])[:, None]


def class_differences(labels_N: np.ndarray, guesses_M: np.ndarray, n_classes: int) -> np.ndarray:
    """Return (N + M, C) columns e_c with e_c e_c' = M_c: differences of the means of each class (Long et al. 2013, eq. 7).

    A class that one side lacks leaves the mean of the other side alone in its column, as in the authors' code.
    """
    classes = range(n_classes)
    mine_NC, theirs_MC = np.equal.outer(labels_N, classes), np.equal.outer(guesses_M, classes)
    shares = [is_in / np.maximum(is_in.sum(axis=0), 1) for is_in in (mine_NC, theirs_MC)]
    return np.concatenate([shares[0], -shares[1]])


def class_pairs(labels_N: np.ndarray, guesses_M: np.ndarray, n_classes: int) -> np.ndarray:
    """Return (N + M, 2 C) Z: one-hot labels over N in the source's rows, then minus one-hot guesses over M in the target's.

    x' Z are the means of x weighted by the joint shares of each class (Zhang & Wu 2020, eqs. 8 and 11).

    Args:
        guesses_M: -1 where there is no guess yet.
    """
    classes = range(n_classes)
    mine_NC = np.equal.outer(labels_N, classes) / len(labels_N)
    theirs_MC = np.equal.outer(guesses_M, classes) / len(guesses_M)
    return block_diag(mine_NC, -theirs_MC)


def frobenius(z_NQ: np.ndarray, form_QQ: np.ndarray) -> float:
    """Return the Frobenius norm of Z S Z' for a symmetric S, with no N x N matrix: the root of tr(S G S G), G = Z' Z."""
    product_QQ = form_QQ @ (z_NQ.T @ z_NQ)
    return float(np.sqrt(max((product_QQ * product_QQ.T).sum(), 0.0)))


class TransferComponents:
    """The problem of finding components of rows x, set up once for any number of differences E.

    `primal`: A maximises tr(A' X' H X A) under A' (X' M X + ridge I) A = I (Long et al. 2013, eq. 10).
    `linear`: the same for W in A = X' W with the linear kernel K = X X': tr(W' K H K W) under W' (K M K + ridge I) W = I
    (Pan et al. 2011, eqs. 10-11), which weighs directions by their size once more.
    H centres. No N x N matrix is ever formed: costs O(N D^2 + D^3).

    Args:
        x_ND: rows of both domains, source first.

    Raises:
        ValueError: the kernel is unknown.
    """

    def __init__(self, x_ND: np.ndarray, kernel: str) -> None:
        if kernel not in ("primal", "linear"):
            raise ValueError(f"the kernel must be primal or linear, got {kernel!r}.")
        size_R, axes_RD = row_span(x_ND)
        self.axes_RD, self.power_R = axes_RD, size_R if kernel == "linear" else np.ones_like(size_R)
        self.y_NR = (x_ND @ axes_RD.T) * self.power_R
        centred_NR = self.y_NR - self.y_NR.mean(axis=0)
        self.scatter_RR = centred_NR.T @ centred_NR

    def map(self, e_NQ: np.ndarray, *, ridge: float, k: int) -> np.ndarray:
        """Return the (D, K) map A for M = E E' over its Frobenius norm: x A are the components, by falling eigenvalue.

        K = min(k, rank). Each column of A (of W) has unit length; its largest entry is positive.

        Args:
            e_NQ: (N, Q) see `mean_difference`; Q is small.
            ridge: > 0.

        Raises:
            ValueError: shapes do not fit, ridge is not above 0, or k not above 0.
        """
        self._check(e_NQ, ridge, k)
        e_NQ = e_NQ / np.sqrt(np.linalg.norm(e_NQ.T @ e_NQ))  # |E E'|_F = |E' E|_F
        return self._of_span(leading(self.scatter_RR, self.y_NR.T @ e_NQ, ridge, min(k, len(self.power_R))))

    def map_of_form(self, z_NQ: np.ndarray, form_QQ: np.ndarray, *, ridge: float, k: int) -> np.ndarray:
        """Do as `map` for M = Z S Z' as it is, S (Q, Q) symmetric; M may be indefinite, where it holds a term to be made large.

        The components are those of the K smallest values w of (X' M X + ridge I) v = w X' H X v, by rising w: with a
        positive M the largest of `map`. Negative w belong to the answer.
        """
        self._check(z_NQ, ridge, k)
        y_QR = z_NQ.T @ self.y_NR
        left_RR = y_QR.T @ form_QQ @ y_QR + ridge * np.eye(len(self.power_R))
        values_R, axes_RR = np.linalg.eigh(self.scatter_RR)
        white_RR = axes_RR[:, values_R > 1e-12 * values_R[-1]] / np.sqrt(values_R[values_R > 1e-12 * values_R[-1]])
        problem_RR = white_RR.T @ left_RR @ white_RR
        k = min(k, len(problem_RR))
        _, vectors_RK = eigh((problem_RR + problem_RR.T) / 2, subset_by_index=[0, k - 1])
        return self._of_span(white_RR @ vectors_RK)

    def _check(self, e_NQ: np.ndarray, ridge: float, k: int) -> None:
        if len(self.y_NR) != len(e_NQ) or not ridge > 0 or k < 1:
            raise ValueError(f"transfer components of {len(self.y_NR)} rows got {e_NQ.shape}, ridge={ridge}, k={k}.")

    def _of_span(self, vectors_RK: np.ndarray) -> np.ndarray:
        vectors_RK = vectors_RK / np.linalg.norm(vectors_RK, axis=0)
        a_DK = self.axes_RD.T @ (self.power_R[:, None] * vectors_RK)
        return a_DK * np.where(a_DK[np.abs(a_DK).argmax(axis=0), np.arange(a_DK.shape[1])] < 0, -1.0, 1.0)


@keep_results
def row_span(x_ND: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return singular values (R,) and right singular vectors (R, D): everything outside the rows' span has no variance."""
    _, size_R, axes_RD = np.linalg.svd(x_ND, full_matrices=False)
    kept = size_R > size_R[0] * max(x_ND.shape) * np.finfo(np.float64).eps
    return size_R[kept], axes_RD[kept]


def leading(scatter_RR: np.ndarray, difference_RQ: np.ndarray, ridge: float, k: int) -> np.ndarray:
    """Return (R, k) solutions v of scatter v = value (D D' + ridge I) v of the largest values, by falling value."""
    rank = len(scatter_RR)
    if rank <= DENSE or 4 * k > rank:
        metric_RR = difference_RQ @ difference_RQ.T + ridge * np.eye(rank)
        _, vectors_RK = eigh(scatter_RR, metric_RR, subset_by_index=[rank - k, rank - 1])
        return vectors_RK[:, ::-1]
    # (D D' + ridge I)^-1/2 = ridge^-1/2 (I - U diag(1 - sqrt(ridge / (ridge + s^2))) U'), D = U s V': of low rank but for I
    u_RQ, s_Q, _ = np.linalg.svd(difference_RQ, full_matrices=False)
    shrunk_RQ = u_RQ * (1.0 - np.sqrt(ridge / (ridge + s_Q**2)))

    def whitened(x_RX: np.ndarray) -> np.ndarray:
        return x_RX - shrunk_RQ @ (u_RQ.T @ x_RX)

    problem_RR = whitened(whitened(scatter_RR).T)
    value_K, vectors_RK = eigsh((problem_RR + problem_RR.T) / 2, k=k, which="LA", v0=np.ones(rank))
    return whitened(vectors_RK[:, np.argsort(-value_K)])
