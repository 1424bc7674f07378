"""Ridge regression with penalty 1 and an intercept, of a few outputs.

scikit-learn's Ridge to the last digits: the same normal equations. Its checks of what it is given take longer than a fit of some
hundred examples, and each run has four.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve


def unit_ridge(x_ND: np.ndarray, y_NC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (D, C) and intercepts (C,) that minimise |x w + b - y|^2 + |w|^2.

    Args:
        x_ND, y_NC: finite float64; columns of x about as large as 1, so that the equations have a solution in numbers.
    """
    x_D, y_C = x_ND.mean(axis=0), y_NC.mean(axis=0)
    x_ND, y_NC = x_ND - x_D, y_NC - y_C
    wide = x_ND.shape[1] > len(x_ND)  # then the equations of examples are fewer
    normal_KK = x_ND @ x_ND.T if wide else x_ND.T @ x_ND
    np.fill_diagonal(normal_KK, normal_KK.diagonal() + 1.0)
    found_KC = solve(normal_KK, y_NC if wide else x_ND.T @ y_NC, assume_a="pos", overwrite_a=True, check_finite=False)
    weights_DC = x_ND.T @ found_KC if wide else found_KC
    return weights_DC, y_C - x_D @ weights_DC
