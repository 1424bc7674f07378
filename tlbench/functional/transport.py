"""Optimal transport between two sets of rows of equal mass: costs, plans, and where a plan carries the rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import euclidean_distances

from tlbench.errors import Refused, TlbenchError

Rows: TypeAlias = np.ndarray | sp.csr_matrix

MOST_ENTRIES = 2**27
"""Entries of a plan, 1 GiB; a solver holds a few arrays of this size."""
MOST_SWEEPS, MOST_PIVOTS = 10_000, 1_000_000
MISPLACED = 1e-6
"""Share of the mass that a plan may have in a row or column that should not have it."""
SAFE_RANGE = 400
"""Range of cost / reg up to which exp(-cost / reg) and its scalings are far from underflow; above it logarithms are used."""


def need_pot(method: str) -> None:
    """Raise TlbenchError with the command that installs POT where it is missing."""
    if find_spec("ot") is None:
        raise TlbenchError(
            f"method={method} needs the library 'ot' (POT), which is not installed: pip install 'tlbench[ot]'."
        )


def scaled_cost(xs_ND: Rows, xt_MD: Rows, scale: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Return (N, M) squared Euclidean distances over `scale` of them, such as np.max; zeros where all rows are equal.

    Raises:
        Refused: a plan of this size takes more than 1 GiB.
    """
    n, m = xs_ND.shape[0], xt_MD.shape[0]
    if n * m > MOST_ENTRIES:
        raise Refused(
            f"A transport plan of {n} source and {m} target examples takes {8 * n * m / 2**30:.1f} GiB, and 1 is the most. "
            "Set protocol.n_source=... or protocol.n_target=... to fewer."
        )
    cost_NM = euclidean_distances(xs_ND, xt_MD, squared=True)
    size = float(scale(cost_NM))
    return cost_NM / size if size > 0 else cost_NM


def entropic_plan(cost_NM: np.ndarray, reg: float) -> np.ndarray:
    """Minimise <g, cost> + reg sum g (log g - 1) over plans g with row sums 1/N and column sums 1/M (Cuturi, NeurIPS 2013).

    Args:
        cost_NM: (N, M).
        reg: > 0, on the scale of the costs.

    Returns:
        (N, M) positive float64.

    Raises:
        Refused: after 10,000 sweeps more than 1e-6 of the mass is out of place.
    """
    n, m = cost_NM.shape
    way = "sinkhorn" if np.ptp(cost_NM) <= SAFE_RANGE * reg else "sinkhorn_log"
    plan_NM = import_module("ot").sinkhorn(
        np.full(n, 1.0 / n), np.full(m, 1.0 / m), cost_NM - cost_NM.min(), reg, method=way, numItermax=MOST_SWEEPS, warn=False
    )  # fmt: skip
    if not (lost := misplaced(plan_NM)) <= MISPLACED:
        raise Refused(
            f"The transport plan of {n} source and {m} target examples has {lost:.1g} of its mass out of place after "
            f"{MOST_SWEEPS} sweeps at method.reg={reg}, and {MISPLACED:g} is the most. Set method.reg=... higher "
            "or, where the method has one, method.eta=... lower."
        )
    return plan_NM


def exact_plan(cost_NM: np.ndarray, fewer: str = "protocol.n_source=... or protocol.n_target=...") -> np.ndarray:
    """Minimise <g, cost> over plans g with row sums 1/N and column sums 1/M, by the network simplex.

    Args:
        cost_NM: (N, M).
        fewer: what makes the plan smaller, for the message.

    Returns:
        (N, M) float64 with N + M - 1 entries above 0 at most; N = M: a permutation over N.

    Raises:
        Refused: the simplex does not end within a million pivots.
    """
    n, m = cost_NM.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the log says the same
        plan_NM, log = import_module("ot").emd(
            np.full(n, 1.0 / n), np.full(m, 1.0 / m), cost_NM, numItermax=MOST_PIVOTS, log=True
        )
    if log["warning"] is not None or not misplaced(plan_NM) <= MISPLACED:
        raise Refused(
            f"The transport plan of {n} source and {m} target examples is not found within {MOST_PIVOTS} pivots. "
            f"Set {fewer} to fewer."
        )
    return plan_NM


def misplaced(plan_NM: np.ndarray) -> float:
    """Return the larger of the mass by which rows miss 1/N and that by which columns miss 1/M; NaN where the plan has one."""
    sums = [(plan_NM.sum(axis=1), len(plan_NM)), (plan_NM.sum(axis=0), plan_NM.shape[1])]
    return float(np.max([np.abs(sum_ - 1.0 / size).sum() for sum_, size in sums]))


def barycentres(plan_NM: np.ndarray, xt_MD: np.ndarray) -> np.ndarray:
    """Return (N, D) where each source row goes: the mean of the target rows, weighted by its row of the plan."""
    return plan_NM @ xt_MD / plan_NM.sum(axis=1, keepdims=True)


def reach(plan_NM: np.ndarray) -> float:
    """Return over how many target rows a source row is spread: exp of the entropy of its row, the mean of all rows."""
    share_NM = plan_NM / plan_NM.sum(axis=1, keepdims=True)
    logs_NM = np.log(share_NM, out=np.zeros_like(share_NM), where=share_NM > 0)
    return float(np.exp(-(share_NM * logs_NM).sum(axis=1)).mean())


def nearest(x_KD: np.ndarray, rows_ND: np.ndarray) -> np.ndarray:
    """Return (K,) the place of the nearest row to each x, of equally near ones the first."""
    return pairwise_distances_argmin(x_KD, rows_ND)
