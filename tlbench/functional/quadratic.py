"""A convex quadratic program in a box, with at most one constraint on a signed sum: the programs of weights and of SVM duals."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import eigsh

SMALL = 100
"""Variables up to which the largest eigenvalue is worked out densely."""
STEPS = 5_000
"""At most; a program that is not done by then comes back with the gap that it has."""


def box_qp(
    matrix_NN: np.ndarray,
    linear_N: np.ndarray,
    *,
    upper: float | np.ndarray,
    signs: np.ndarray | None = None,
    low: float | None = None,
    high: float | None = None,
    start: np.ndarray | None = None,
    tol: float = 1e-8,
) -> tuple[np.ndarray, float]:
    """Minimise f(x) = x'Kx / 2 - q'x over 0 <= x <= upper and low <= signs'x <= high.

    Accelerated projected gradient (Beck & Teboulle, SIAM J. Imaging Sciences 2009) that starts its momentum anew where that
    points uphill (O'Donoghue & Candes, Found. Comput. Math. 2015); a step costs one product with K.

    Args:
        matrix_NN: K, symmetric and positive semi-definite.
        linear_N: q.
        upper: one bound for all, or (N,) of them; > 0.
        signs: (N,) of 1 and -1; None: all 1.
        low, high: bounds of signs'x; None: no bound.
        start: (N,) where to start from, brought into the feasible set; None: 0.
        tol: stop where the gap is at most this times the size of the objective.

    Returns:
        (N,) x, and a gap g'(x - s) with g the gradient and s the feasible point that is lowest along it: f(x) is above the
        minimum by no more than this (the certificate of Frank and Wolfe), whatever the number of steps.

    Raises:
        ValueError: shapes do not fit, signs are others than 1 and -1, or no x is feasible.
    """
    q_N, n = linear_N, len(linear_N)
    upper_N, sign_N = np.broadcast_to(np.asarray(upper, float), (n,)), np.ones(n) if signs is None else signs
    bounds = (-np.inf if low is None else low, np.inf if high is None else high)
    _check(matrix_NN, upper_N, sign_N, bounds)
    step = 1.0 / max(_largest_eigenvalue(matrix_NN), np.finfo(float).tiny)
    x_N = _projected(np.zeros(n) if start is None else start, upper_N, sign_N, bounds)
    y_N, kx_N = x_N, matrix_NN @ x_N
    ky_N, momentum, best = kx_N, 1.0, (x_N, np.inf)
    for _ in range(STEPS):
        slope_N = kx_N - q_N
        gap = float(slope_N @ (x_N - _lowest(slope_N, upper_N, sign_N, bounds)))
        if gap < best[1]:
            best = x_N, gap
        if gap <= tol * abs(0.5 * x_N @ (slope_N - q_N)):
            break
        new_N = _projected(y_N - step * (ky_N - q_N), upper_N, sign_N, bounds)
        knew_N, before = matrix_NN @ new_N, momentum
        uphill = (y_N - new_N) @ (new_N - x_N) > 0
        momentum = 1.0 if uphill else (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = 0.0 if uphill else (before - 1.0) / momentum
        y_N, ky_N = new_N + ahead * (new_N - x_N), knew_N + ahead * (knew_N - kx_N)
        x_N, kx_N = new_N, knew_N
    return best[0], max(best[1], 0.0)


def _check(matrix_NN: np.ndarray, upper_N: np.ndarray, sign_N: np.ndarray, bounds: tuple[float, float]) -> None:
    n = len(upper_N)
    if matrix_NN.shape != (n, n) or sign_N.shape != (n,):
        raise ValueError(
            f"box_qp got {n} linear terms, a matrix of shape {matrix_NN.shape} and signs of shape {sign_N.shape}."
        )
    if not (np.abs(sign_N) == 1).all() or not (upper_N > 0).all():
        raise ValueError("box_qp needs signs of 1 and -1, and upper bounds above 0.")
    least, most = -upper_N[sign_N < 0].sum(), upper_N[sign_N > 0].sum()
    if not max(bounds[0], least) <= min(bounds[1], most):
        raise ValueError(
            f"no x in the box has its signed sum between {bounds[0]} and {bounds[1]}: it is {least} to {most}."
        )


def _largest_eigenvalue(matrix_NN: np.ndarray) -> float:
    """Return it, or a little more: a longer step might not converge."""
    if len(matrix_NN) <= SMALL:
        return float(np.linalg.eigvalsh(matrix_NN)[-1])
    start_N = np.cos(np.arange(len(matrix_NN)))  # any vector that is no eigenvector of matrices that are met
    return 1.01 * float(eigsh(matrix_NN, k=1, v0=start_N, tol=1e-3, return_eigenvectors=False)[0])


def _projected(x_N: np.ndarray, upper_N: np.ndarray, sign_N: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return the nearest feasible point: x - shift * signs, cut to the box, with the one shift that keeps the bound of the sum.

    The sum falls with the shift, linearly between the shifts at which an entry reaches an end of its box.
    """
    inside_N = np.clip(x_N, 0.0, upper_N)
    bound = np.clip(sign_N @ inside_N, *bounds)
    if bound == sign_N @ inside_N:
        return inside_N
    bends = np.sort(np.concatenate([sign_N * x_N, sign_N * (x_N - upper_N)]))

    def excess(shift: float) -> float:
        return float(sign_N @ np.clip(x_N - shift * sign_N, 0.0, upper_N) - bound)

    first, last = 0, len(bends) - 1
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if excess(bends[middle]) >= 0 else (first, middle)
    more, less = excess(bends[first]), excess(bends[last])
    share = more / (more - less) if more > less else 0.0
    return np.clip(x_N - (bends[first] + share * (bends[last] - bends[first])) * sign_N, 0.0, upper_N)


def _lowest(slope_N: np.ndarray, upper_N: np.ndarray, sign_N: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return the feasible point of the least slope'x: the box's best corner, its cheapest entries moved until the sum fits."""
    corner_N = np.where(slope_N < 0, upper_N, 0.0)
    total = sign_N @ corner_N
    missing = np.clip(total, *bounds) - total
    if missing == 0:
        return corner_N
    # an entry can move the sum the right way by the whole width of its box, at a price of |slope| for each unit
    can_N = np.where(np.sign(missing) * sign_N > 0, corner_N == 0, corner_N > 0)
    order = np.argsort(np.where(can_N, np.abs(slope_N), np.inf), kind="stable")[: can_N.sum()]
    width = upper_N[order]
    taken = np.clip(abs(missing) - (np.cumsum(width) - width), 0.0, width)
    corner_N[order] += np.where(corner_N[order] > 0, -taken, taken)
    return corner_N
