"""Numbers that others proposed for the target error of one model without target labels: critics to be set beside validators.

All are of a linear classifier on few principal components of the model's features, in which a whole network's would be too dear
for every run.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors

from tlbench.transfer.features import standardised_pair

COMPONENTS = 32
ROUNDS = 60
SHARE = 0.1
"""Share of the target examples at which Hopkins' statistic is taken."""
FEW = 8
"""Principal components in which it is taken: in more, points drawn at random are far from all others whatever the data."""


def principal(source_SD: np.ndarray, target_TD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return up to 32 principal components of both domains' pooled standardised features, scaled to a mean square row of 1."""
    source, target = standardised_pair(np.asarray(source_SD, np.float64), np.asarray(target_TD, np.float64))
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
    x_SK, x_TK = (np.column_stack([x, np.ones(len(x))]) for x in (source_SK, target_TK))
    one_S, one_T = np.eye(n_classes)[said_S], np.eye(n_classes)[said_T]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        h_KC = flat.reshape(-1, n_classes)
        log_SC = log_softmax(x_SK @ h_KC, axis=1)
        z_TC = x_TK @ h_KC
        others_TC = np.where(one_T > 0, -np.inf, z_TC)
        rest_T = logsumexp(others_TC, axis=1)
        margin_T = (z_TC * one_T).sum(axis=1) - rest_T + np.log(max(n_classes - 1, 1))
        slope_T = 0.5 * (1 + np.tanh(margin_T / 2)) / len(z_TC)
        slope_TC = slope_T[:, None] * (one_T - np.exp(others_TC - rest_T[:, None]))
        slope_KC = x_SK.T @ (np.exp(log_SC) - one_S) / len(x_SK) + x_TK.T @ slope_TC + 1e-3 * h_KC
        value = -(log_SC * one_S).sum() / len(x_SK) + np.logaddexp(0, margin_T).mean() + 5e-4 * np.square(h_KC).sum()
        return float(value), slope_KC.ravel()

    start = np.zeros(x_SK.shape[1] * n_classes)
    h_KC = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS}).x.reshape(-1, n_classes)
    apart_S, apart_T = (x_SK @ h_KC).argmax(axis=1) != said_S, (x_TK @ h_KC).argmax(axis=1) != said_T
    return float(apart_T.mean() - apart_S.mean())


def head(x_NK: np.ndarray, said_N: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the (K, C) weights of a ridge regression (penalty 1) onto classes one-hot."""
    return Ridge(alpha=1.0).fit(x_NK, np.eye(n_classes)[said_N]).coef_.T


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
    near = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(rows)
    drawn = rng.uniform(rows.min(axis=0), rows.max(axis=0), (m, rows.shape[1]))
    from_drawn = near.kneighbors(drawn, 1)[0].sum()
    from_rows = near.kneighbors(rows[rng.choice(len(rows), m, replace=False)], 2)[0][:, 1].sum()
    total = from_drawn + from_rows
    return float(from_drawn / total) if total > 0 else 0.5


def critics(
    source_SD: np.ndarray, said_S: np.ndarray, labels_S: np.ndarray, target_TD: np.ndarray, said_T: np.ndarray,
    n_classes: int, rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """Return the numbers of this module for a model by name; higher is better of each, as of validators.

    Args:
        source_SD, said_S, labels_S: features, predicted and true classes of source training examples.
        target_TD, said_T: features and predicted classes of unlabelled target examples.
    """
    source, target = principal(source_SD, target_TD)
    source_head = head(source, labels_S, n_classes)
    return {
        "critic": -disagreement_discrepancy(source, said_S, target, said_T, n_classes),
        "projection_norm": -projection_norm(source_head, head(target, said_T, n_classes)),
        "head_uniformity": head_uniformity(source_head),
        "hopkins": hopkins(target, rng),
    }
