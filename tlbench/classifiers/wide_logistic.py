"""Multinomial logistic regression where features outnumber examples: scikit-learn's steps, taken in the span of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.linear_model import LogisticRegression

TOLERANCE = 1e-4
"""Scikit-learn's: of the largest entry of the gradient."""


@dataclass(frozen=True)
class Span:
    """x = inside @ axes: (N, R) coordinates in (R, D) orthonormal axes, R = min(N, D)."""

    x_ND: np.ndarray
    inside_NR: np.ndarray
    axes_RD: np.ndarray

    @classmethod
    def of(cls, x_ND: np.ndarray) -> Span:
        axes_DR, inside_RN = np.linalg.qr(x_ND.T)
        return cls(x_ND, np.ascontiguousarray(inside_RN.T), np.ascontiguousarray(axes_DR.T))


def fits_in(x: object, labels_N: np.ndarray) -> bool:
    """Tell whether this is what the function below is for: dense rows, fewer than features, and three classes or more."""
    wide = isinstance(x, np.ndarray) and x.dtype == np.float64 and x.ndim == 2 and x.shape[0] < x.shape[1]
    return bool(wide and len(np.unique(labels_N)) > 2)


def fitted_model(
    span: Span, labels_N: np.ndarray, weights_N: np.ndarray, model: LogisticRegression
) -> LogisticRegression | None:
    """Fit the model; return None where L-BFGS ends without convergence.

    L-BFGS from 0 sees inner products only, so its steps are those in all D features, at a fraction of the cost. Only its
    rule for stopping depends on the axes: it is applied to the gradient in all features, as scikit-learn does.
    """
    classes, codes_N = np.unique(labels_N, return_inverse=True)
    inside_NR, axes_RD = span.inside_NR, span.axes_RD
    c, (n, r) = len(classes), inside_NR.shape
    total, rows = weights_N.sum(), np.arange(n)
    share_N, penalty = weights_N / total, 1.0 / (model.C * total)
    last = np.empty(c * (r + 1))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        scores_CN = flat[: c * r].reshape(c, r) @ inside_NR.T + flat[c * r :, None]
        scores_CN -= scores_CN.max(axis=0)
        right_N = scores_CN[codes_N, rows]
        np.exp(scores_CN, out=scores_CN)
        sums_N = scores_CN.sum(axis=0)
        value = share_N @ (np.log(sums_N) - right_N) + 0.5 * penalty * (flat[: c * r] @ flat[: c * r])
        scores_CN *= share_N / sums_N
        scores_CN[codes_N, rows] -= share_N
        np.matmul(scores_CN, inside_NR, out=last[: c * r].reshape(c, r))
        last[: c * r] += penalty * flat[: c * r]
        last[c * r :] = scores_CN.sum(axis=1)
        return float(value), last.copy()

    def stop(intermediate_result: OptimizeResult) -> None:
        flat_CR = last[: c * r].reshape(c, r)
        if (flat_CR**2).sum(axis=1).max() > axes_RD.shape[1] * TOLERANCE**2:
            return  # a vector's largest entry is no smaller than its root mean square
        if max(np.abs(flat_CR @ axes_RD).max(), np.abs(last[c * r :]).max()) <= TOLERANCE:
            raise StopIteration

    # gtol is for a start at the optimum, and below what the axes can make of TOLERANCE
    options = {"maxiter": model.max_iter, "maxls": 50, "gtol": 1e-12, "ftol": 64 * np.finfo(float).eps}
    found = minimize(loss, np.zeros(c * (r + 1)), jac=True, method="L-BFGS-B", options=options, callback=stop)
    if found.nit >= model.max_iter or not (found.success or "StopIteration" in found.message):
        return None
    model.coef_ = found.x[: c * r].reshape(c, r) @ axes_RD
    model.intercept_ = found.x[c * r :]
    model.classes_, model.n_features_in_, model.n_iter_ = classes, axes_RD.shape[1], np.array([found.nit])
    return model
