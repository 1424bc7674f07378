"""A logistic regression that is drawn to given coefficients in place of 0."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

STEPS = 10_000
"""Of L-BFGS, at most."""


def anchored_logistic(
    x_MD: np.ndarray, places_M: np.ndarray, anchor_KD: np.ndarray, *, C: float
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise sum_i -log p(y_i | x_i) + |V|^2 / (2 C) over V and b, p the softmax of x (anchor + V)' + b.

    Two classes have one vector, the difference w of their two, and |v|^2 / (2 C) as its penalty, as a logistic regression of two
    classes has. The intercepts are free. V = A' X in the span of the rows, where gradients from V = 0 stay; in coordinates
    V / sqrt(C) the penalty has curvature 1 whatever C is.

    Args:
        x_MD: rows, (M, D).
        places_M: row of `anchor_KD` that is the class of each; every class occurs.
        anchor_KD: (K, D), K >= 2; only differences between its rows count.
        C: > 0.

    Returns:
        (K, D) coefficients anchor + V, centred halves of w for two classes, and (K,) intercepts that sum to 0.

    Raises:
        ValueError: a class has no row, or C is not above 0.
    """
    k = len(anchor_KD)
    if not C > 0 or k < 2 or np.unique(places_M).tolist() != list(range(k)):
        raise ValueError(f"anchored_logistic needs C > 0 and a row of each of {k} >= 2 classes, got C={C}, {places_M}.")
    # scores = free scores @ to_JK: one vector stands for two classes
    to_JK = np.eye(k) if k > 2 else np.array([[-0.5, 0.5]])
    anchor_JD = anchor_KD - anchor_KD.mean(axis=0) if k > 2 else anchor_KD[1:] - anchor_KD[:1]
    axes_DR, inside_RM = np.linalg.qr(x_MD.T)
    inside_MR, offset_MJ = np.sqrt(C) * inside_RM.T, x_MD @ anchor_JD.T
    j, r, truth_MK = len(anchor_JD), inside_MR.shape[1], np.eye(k)[places_M]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        moved_JR, intercept_J = flat[: j * r].reshape(j, r), flat[j * r :]
        log_MK = log_softmax((offset_MJ + inside_MR @ moved_JR.T + intercept_J) @ to_JK, axis=1)
        slope_MJ = (np.exp(log_MK) - truth_MK) @ to_JK.T
        slope = np.concatenate([(slope_MJ.T @ inside_MR + moved_JR).ravel(), slope_MJ.sum(axis=0)])
        return float(-(truth_MK * log_MK).sum() + 0.5 * np.square(moved_JR).sum()), slope

    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "maxls": 50, "gtol": 1e-9, "ftol": np.finfo(float).eps}
    flat = minimize(loss, np.zeros(j * (r + 1)), jac=True, method="L-BFGS-B", options=options).x
    coef_JD = anchor_JD + np.sqrt(C) * flat[: j * r].reshape(j, r) @ axes_DR.T
    return to_JK.T @ coef_JD, to_JK.T @ flat[j * r :]
