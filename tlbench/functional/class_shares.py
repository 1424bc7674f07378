"""Label shift: how often each class is in the target, from what a classifier says of it; p(x | y) is taken as equal."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar, nnls

DECADES = np.arange(-12, 6.1, 0.5)
"""Logarithms of the weights of the squared problem that `bounded_weights` tries, over the square of C's spectral norm."""

ROUNDING = 1e-9
"""Weights up to here are 0, and differences of weights none."""


def mixture_shares(
    says_MK: np.ndarray, prior_K: np.ndarray, *, rounds: int = 1000, tol: float = 1e-8
) -> tuple[np.ndarray, int]:
    """Return shares q (K,) of greatest likelihood, and the rounds of EM that they took (Saerens et al. 2002, section 2.2).

    A round sets q to the mean over rows of q says / prior, over its sum. The likelihood is concave in q, so the start, the
    prior, does not matter.

    Args:
        says_MK: (M, K) probabilities that M rows are of K components, classes or domains, where these have the shares `prior_K`.
        prior_K: (K,) above 0.
        rounds: at most; they end where no share moves by `tol`.

    Raises:
        ValueError: a prior is not above 0.
    """
    if not (prior_K > 0).all():
        raise ValueError(f"mixture_shares needs priors above 0, got {prior_K.min()}.")
    ratio_MK, shares_K = says_MK / prior_K, prior_K / prior_K.sum()
    for done in range(1, rounds + 1):  # noqa: B007
        joint_MK = ratio_MK * shares_K
        before, shares_K = shares_K, (joint_MK / joint_MK.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(shares_K - before).max() < tol:
            break
    return shares_K, done


def confusion(guesses_N: np.ndarray, labels_N: np.ndarray, k: int) -> np.ndarray:
    """Return C (k, k), the share of examples with guess i and label j; its column sums are the shares of the labels."""
    return np.bincount(guesses_N * k + labels_N, minlength=k * k).reshape(k, k) / len(labels_N)


def inverse_condition(confusion_KK: np.ndarray) -> float:
    """Return smallest over largest singular value, in [0, 1]: 0 where C w = mu has no one solution."""
    sizes_K = np.linalg.svd(confusion_KK, compute_uv=False)
    return float(sizes_K[-1] / sizes_K[0])


def solved_weights(confusion_KK: np.ndarray, guessed_K: np.ndarray) -> np.ndarray:
    """Return w (K,) = q / p with C w = mu, negative ones cut to 0 (Lipton et al. 2018, proposition 2), scaled to sum p w = 1.

    Where C is singular: of the solutions with the least error the one nearest to w = 1, so that what C does not tell stays.

    Args:
        confusion_KK: C of the source, as `confusion` has it.
        guessed_K: mu, the shares of the guesses on the target.
    """
    change_K = np.linalg.lstsq(confusion_KK, guessed_K - confusion_KK.sum(axis=1), rcond=1e-12)[0]
    weights_K = 1 + change_K
    return _scaled(np.where(weights_K > ROUNDING, weights_K, 0.0), confusion_KK)


def bounded_weights(
    confusion_KK: np.ndarray, guessed_K: np.ndarray, rho: float, *, trust: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return w (K,) = 1 + trust theta, scaled to sum p w = 1, and theta >= -1 of least |C theta - (mu - C 1)| + rho |theta|
    (Azizzadenesheli et al. 2019, eq. 5; from memory).

    The norms are not squared. Their solution is that of the squared problem |C theta - b|^2 + r |theta|^2 for some r, a
    nonnegative least squares problem in 1 + theta; along r the sum falls and then rises, so r is searched.

    Args:
        confusion_KK, guessed_K: see `solved_weights`.
        rho: >= 0; from some value on theta is 0.
        trust: of the change, 0 to 1.
    """
    k, shift_K = len(guessed_K), guessed_K - confusion_KK.sum(axis=1)
    size = np.linalg.norm(confusion_KK, 2)

    def theta(log_r: float) -> np.ndarray:
        root = size * 10 ** (log_r / 2)
        stacked, wanted = (
            np.concatenate([confusion_KK, root * np.eye(k)]),
            np.concatenate([guessed_K, np.full(k, root)]),
        )
        return nnls(stacked, wanted)[0] - 1

    def objective(theta_K: np.ndarray) -> float:
        return float(np.linalg.norm(confusion_KK @ theta_K - shift_K) + rho * np.linalg.norm(theta_K))

    best = DECADES[np.argmin([objective(theta(log_r)) for log_r in DECADES])]
    found = minimize_scalar(lambda r: objective(theta(r)), bounds=(best - 0.5, best + 0.5), method="bounded")
    theta_K = min((np.zeros(k), theta(found.x)), key=objective)
    return _scaled(1 + trust * theta_K, confusion_KK), theta_K


def rlls_radius(n: int, k: int, delta: float = 0.05) -> float:
    """Return 3 (2 ln(2k / delta) / 3n + sqrt(2 ln(2k / delta) / n)): three times the bound, of probability 1 - delta, on the
    error of a confusion of k classes from n examples (Azizzadenesheli et al. 2019)."""
    log = np.log(2 * k / delta)
    return float(3 * (2 * log / (3 * n) + np.sqrt(2 * log / n)))


def corrected(says_NK: np.ndarray, weights_K: np.ndarray) -> np.ndarray:
    """Return rows of says w, each over its sum: p(y | x) where class y is w_y times as frequent.

    A row without any mass on classes of w > 0 stays what it was.
    """
    joint_NK = says_NK * weights_K
    total_N = joint_NK.sum(axis=1, keepdims=True)
    return np.where(total_N > 0, joint_NK / np.where(total_N > 0, total_N, 1), says_NK)


def _scaled(weights_K: np.ndarray, confusion_KK: np.ndarray) -> np.ndarray:
    """Return w over sum p w; 1 where all are equal, exactly, or none is left."""
    total = confusion_KK.sum(axis=0) @ weights_K
    return weights_K / total if np.ptp(weights_K) > ROUNDING and total > ROUNDING else np.ones_like(weights_K)
