"""Transport plans that keep source rows of different classes from sharing target rows."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from tlbench.functional.transport import entropic_plan

GAP = 1e-8
"""Distance to the least objective, in units of the cost, at which the plan is found."""

History = list[dict[str, float]]


def members(labels_N: np.ndarray) -> np.ndarray:
    """Return (K, N) float64: 1 where the row is of that class, of the K classes that there are."""
    return np.equal.outer(np.unique(labels_N), labels_N).astype(np.float64)


def purity(plan_NM: np.ndarray, member_KN: np.ndarray) -> float:
    """Return the share of the mass that the leading class of each target row has in it."""
    return float((member_KN @ plan_NM).max(axis=0).sum())


def group_lasso_plan(
    cost_NM: np.ndarray, labels_N: np.ndarray, *, reg: float, eta: float, rounds: int
) -> tuple[np.ndarray, History]:
    """Minimise <g, cost> + reg sum g log g + eta sum_j sum_c |g_(I_c, j)|_2 over plans, I_c the rows of class c.

    Convex; by the generalised conditional gradient (Rakotomamonjy, Flamary & Courty, arXiv:1510.06567), whose gap bounds the
    distance to the minimum. It starts from the plan of eta = 0.

    Args:
        cost_NM: (N, M).
        labels_N: classes of the N rows.
        reg: > 0.
        eta: >= 0.
        rounds: at most; they end where the gap is at most 1e-8.

    Returns:
        The plan (N, M); of each round `objective`, `gap`, `purity` of the plan that it started from.

    Raises:
        Refused: see `entropic_plan`.
    """
    member_KN, history, plan_NM = members(labels_N), History(), entropic_plan(cost_NM, reg)

    def objective(g_NM: np.ndarray) -> float:
        penalty = np.sqrt(member_KN @ np.square(g_NM)).sum()
        return float((g_NM * cost_NM).sum() + reg * xlogy(g_NM, g_NM).sum() + eta * penalty)

    for _ in range(rounds):
        slope_NM = cost_NM + eta * _lasso_slope(plan_NM, member_KN)
        step_NM = entropic_plan(slope_NM, reg) - plan_NM
        other_NM = plan_NM + step_NM
        entropy = xlogy(plan_NM, plan_NM).sum() - xlogy(other_NM, other_NM).sum()
        gap, now = float(reg * entropy - (slope_NM * step_NM).sum()), objective(plan_NM)
        history.append({"objective": now, "gap": gap, "purity": purity(plan_NM, member_KN)})
        if gap <= GAP:
            break
        size = 1.0
        while objective(plan_NM + size * step_NM) > now - 0.25 * size * gap and size > 1e-6:
            size /= 2
        plan_NM = plan_NM + size * step_NM
    return plan_NM, history


def _lasso_slope(plan_NM: np.ndarray, member_KN: np.ndarray) -> np.ndarray:
    size_NM = member_KN.T @ np.sqrt(member_KN @ np.square(plan_NM))
    return np.divide(plan_NM, size_NM, out=np.zeros_like(plan_NM), where=size_NM > 0)
