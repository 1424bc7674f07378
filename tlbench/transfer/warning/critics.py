"""Numbers that others proposed for the target error of one model without target labels: critics to be set beside validators.

All are of a linear classifier on few principal components of the model's features, in which a whole network's would be too dear
for every run.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from tlbench.transfer.features import standardised_pair
from tlbench.transfer.unit_ridge import unit_ridge

COMPONENTS = 32
ROUNDS = 60
SHARE = 0.1
"""Share of the target examples at which Hopkins' statistic is taken."""
FEW = 8
"""Principal components in which it is taken: in more, points drawn at random are far from all others whatever the data."""


def principal(source_SD: np.ndarray, target_TD: np.ndarray, *, scaled: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return up to 32 principal components of both domains' pooled standardised features, scaled to a mean square row of 1.

    Args:
        scaled: columns are standardised already, by `standardised_pair`.
    """
    source, target = (np.asarray(x, np.float64) for x in (source_SD, target_TD))
    source, target = standardised_pair(source, target, scaled=scaled)
    pooled = np.concatenate([source, target])
    n, width = pooled.shape
    k = min(COMPONENTS, width, n)
    gram = pooled @ pooled.T if n < width else pooled.T @ pooled
    values, vectors = eigh(gram, subset_by_index=[len(gram) - k, len(gram) - 1])
    found = vectors * np.sqrt(np.maximum(values, 0)) if n < width else pooled @ vectors
    found = found[:, ::-1]
    size = np.sqrt(np.square(found).sum(axis=1).mean())
    found = found / (size if size > 0 else 1.0)
    return found[: len(source)], found[len(source) :]


def disagreement_discrepancy(
    source_SK: np.ndarray, said_S: np.ndarray, target_TK: np.ndarray, said_T: np.ndarray, n_classes: int
) -> float:
    """Return how much more a linear critic that agrees with a model on the source can disagree with it on the target, in [-1, 1].

    The critic h minimises the mean cross-entropy with what the model says of the source plus the mean over the target of
    log(1 + exp(h_y - log-mean-exp of the other classes' h)) with y what the model says there.

    Paper    Rosenfeld & Garg, (Almost) Provable Error Bounds Under Distribution Shift via Disagreement Discrepancy,
             NeurIPS 2023, arXiv:2306.00312 (definition 3.3; their loss sets h_y against the mean of the others)
    Departs  1. a ridge of 1e-3 / 2 |h|^2, so that separable data have a critic
             2. the log-mean-exp in place of the mean: disagreeing takes one class, not all
    """
    if n_classes < 2:
        return 0.0
    # classes by examples: sums over few classes are then sums of long rows
    x_KS, x_KT = (np.vstack([x.T, np.ones(len(x))]) for x in (source_SK, target_TK))
    one_CS, one_CT = np.eye(n_classes)[:, said_S], np.eye(n_classes)[:, said_T]
    no_CT = np.where(one_CT > 0, -np.inf, 0.0)
    most = np.log(n_classes - 1)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        h_KC = flat.reshape(-1, n_classes)
        z_CS, z_CT = h_KC.T @ x_KS, h_KC.T @ x_KT
        log_S, share_CS = _log_sum_exp(z_CS)
        rest_T, others_CT = _log_sum_exp(z_CT + no_CT)
        margin_T = (z_CT * one_CT).sum(axis=0) - rest_T + most
        slope_CT = (one_CT - others_CT) * (0.5 * (1 + np.tanh(margin_T / 2)) / z_CT.shape[1])
        slope_KC = x_KS @ (share_CS - one_CS).T / z_CS.shape[1] + x_KT @ slope_CT.T + 1e-3 * h_KC
        agree = (log_S - (z_CS * one_CS).sum(axis=0)).mean()
        return float(agree + np.logaddexp(0, margin_T).mean() + 5e-4 * np.square(h_KC).sum()), slope_KC.ravel()

    start = np.zeros(len(x_KS) * n_classes)
    h_KC = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS}).x.reshape(-1, n_classes)
    apart_S, apart_T = (h_KC.T @ x_KS).argmax(axis=0) != said_S, (h_KC.T @ x_KT).argmax(axis=0) != said_T
    return float(apart_T.mean() - apart_S.mean())


def _log_sum_exp(z_CN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) the log of the sum of exp over the C rows, and (C, N) their shares of it."""
    most_N = z_CN.max(axis=0)
    exp_CN = np.exp(z_CN - most_N)
    sum_N = exp_CN.sum(axis=0)
    return most_N + np.log(sum_N), exp_CN / sum_N


def head(x_NK: np.ndarray, said_N: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the (K, C) weights of a ridge regression (penalty 1) onto classes one-hot."""
    return unit_ridge(x_NK, np.eye(n_classes)[said_N])[0]


def projection_norm(source_head_KC: np.ndarray, target_head_KC: np.ndarray) -> float:
    """Return |W_target - W_source|_F / |W_source|_F: how far the model's own target predictions pull a head from the source's.

    Paper    Yu et al., Predicting Out-of-Distribution Error with the Projection Norm, ICML 2022, arXiv:2202.05834 (section 3)
    Departs  1. ridge heads in place of fine-tuned networks; relative, so that recipes compare
    """
    size = np.linalg.norm(source_head_KC)
    return float(np.linalg.norm(target_head_KC - source_head_KC) / size) if size > 0 else 0.0


def head_uniformity(head_KC: np.ndarray) -> float:
    """Return minus the mean distance of the cosines between classes' weights from a simplex's, -1/(C - 1); 0 is uniform.

    Paper    Yang et al., Can We Evaluate Domain Adaptation Models Without Target-Domain Labels?, ICLR 2024, arXiv:2305.18712
             (transfer score, its first part)
    """
    n_classes = head_KC.shape[1]
    if n_classes < 2:
        return 0.0
    sizes = np.linalg.norm(head_KC, axis=0)
    unit_KC = head_KC / np.where(sizes > 0, sizes, 1.0)
    cosines = (unit_KC.T @ unit_KC)[~np.eye(n_classes, dtype=bool)]
    return -float(np.abs(cosines + 1.0 / (n_classes - 1)).mean())


def hopkins(target_TK: np.ndarray, rng: np.random.Generator) -> float:
    """Return Hopkins' statistic of up to 8 components: 0.5 for rows spread evenly over their range, towards 1 for clusters.

    Distances of points drawn in the rows' range to their nearest row, over those and the distances of as many rows to theirs.

    Paper    Hopkins & Skellam, 1954; as a part of the transfer score in arXiv:2305.18712
    """
    rows = target_TK[:, :FEW]
    if len(rows) < 3:
        return 0.5
    m = max(1, round(SHARE * len(rows)))
    drawn = rng.uniform(rows.min(axis=0), rows.max(axis=0), (m, rows.shape[1]))
    from_drawn = cdist(drawn, rows).min(axis=1).sum()
    own = rows[rng.choice(len(rows), m, replace=False)]
    from_rows = np.partition(cdist(own, rows), 1, axis=1)[:, 1].sum()  # the nearest is the row itself
    total = from_drawn + from_rows
    return float(from_drawn / total) if total > 0 else 0.5


def critics(
    source_SK: np.ndarray, said_S: np.ndarray, labels_S: np.ndarray, target_TK: np.ndarray, said_T: np.ndarray,
    n_classes: int, rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """Return the numbers of this module for a model by name; higher is better of each, as of validators.

    Args:
        source_SK, said_S, labels_S: `principal` components, predicted and true classes of source training examples.
        target_TK, said_T: components and predicted classes of unlabelled target examples.
    """
    source_head = head(source_SK, labels_S, n_classes)
    return {
        "critic": -disagreement_discrepancy(source_SK, said_S, target_TK, said_T, n_classes),
        "projection_norm": -projection_norm(source_head, head(target_TK, said_T, n_classes)),
        "head_uniformity": head_uniformity(source_head),
        "hopkins": hopkins(target_TK, rng),
    }
