"""Scores that look at target labels: ORACLE quantities, for analysis only. docs/distances.md tells how to read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlbench.transfer.domain_probe import FOLDS, domain_accuracy, equal_shares, held_out_predictions, stratified_folds
from tlbench.transfer.features import checked_labels, checked_pair, dense, left_svd, standardised_pair
from tlbench.transfer.spectrum import ledoit_wolf, log_evidence

FEWEST_IN_CLASS = 5


@dataclass(frozen=True)
class JointError:
    """Cross-validated errors in [0, 1] of one linear classifier for both domains, and of one for each.

    Attributes:
        error: lambda of the bound, `joint_s + joint_t`, in [0, 2].
        excess: lambda minus `own_s + own_t`: about 0 where one hypothesis serves both domains, below where more data helps.
        joint_s, joint_t: errors on source and target of the classifier fitted on both, domains weighted equally.
        own_s, own_t: errors on source and target of each domain's own classifier.
    """

    error: float
    excess: float
    joint_s: float
    joint_t: float
    own_s: float
    own_t: float


def label_shift(ys_N: Any, yt_M: Any, n_classes: int) -> float:
    """Return the total variation of the class shares: half the sum of their absolute differences, in [0, 1].

    Args:
        ys_N, yt_M: (N,) and (M,) labels 0 to n_classes - 1.

    Raises:
        ValueError: a domain is empty, or a label out of range.
    """
    shares = []
    for labels in (ys_N, yt_M):
        labels_N = checked_labels(labels, len(labels), n_classes)
        if not len(labels_N):
            raise ValueError("Class shares need one or more labels in each domain, got none.")
        shares.append(np.bincount(labels_N, minlength=n_classes) / len(labels_N))
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def domain_accuracy_per_class(
    xs_ND: Any, ys_N: Any, xt_MD: Any, yt_M: Any, *, n_classes: int, rng: np.random.Generator, scaled: bool = False
) -> list[float | None]:
    """Return the balanced accuracy, in each class, of telling its source examples from its target examples: conditional shift.

    Args:
        xs_ND, ys_N, xt_MD, yt_M: features (N, D) and (M, D), labels 0 to n_classes - 1. Columns are standardised here.
        rng: draws the folds.
        scaled: columns are standardised already, by `standardised_pair`.

    Returns:
        One number in [0, 1] a class (0.5 is chance), None for a class with fewer than five examples in a domain.

    Raises:
        ValueError: impossible shapes, or a label out of range.
    """
    xs_ND, xt_MD = standardised_pair(*checked_pair(xs_ND, xt_MD), scaled=scaled)
    ys_N, yt_M = checked_labels(ys_N, len(xs_ND), n_classes), checked_labels(yt_M, len(xt_MD), n_classes)
    found: list[float | None] = []
    for label in range(n_classes):
        in_s_ND, in_t_MD = xs_ND[ys_N == label], xt_MD[yt_M == label]
        enough = min(len(in_s_ND), len(in_t_MD)) >= FEWEST_IN_CLASS
        found.append(domain_accuracy(in_s_ND, in_t_MD, FOLDS, rng) if enough else None)
    return found


def joint_error(
    xs_ND: Any, ys_N: Any, xt_MD: Any, yt_M: Any, *, rng: np.random.Generator, scaled: bool = False,
    gram_PP: np.ndarray | None = None,
) -> JointError:  # fmt: skip
    """Estimate the error of the ideal joint hypothesis, err_S(h) + err_T(h), and what it costs against own ones.

    Source: Ben-David et al., Machine Learning 2010, theorem 2 (lambda). One draw of folds, stratified by
    domain and class, serves all classifiers. Columns are standardised here.

    Args:
        xs_ND, ys_N, xt_MD, yt_M: features (N, D) and (M, D), labels >= 0; two or more examples each.
        rng: draws the folds.
        scaled: columns are standardised already, by `standardised_pair`.
        gram_PP: inner products of the pooled examples, where they are known.

    Raises:
        ValueError: impossible shapes, or a negative label.
    """
    xs_ND, xt_MD = standardised_pair(*checked_pair(xs_ND, xt_MD, fewest=2), scaled=scaled)
    ys_N, yt_M = checked_labels(ys_N, len(xs_ND)), checked_labels(yt_M, len(xt_MD))
    x_PD, y_P = np.concatenate([xs_ND, xt_MD]), np.concatenate([ys_N, yt_M])
    domain_P = np.repeat([0, 1], [len(ys_N), len(yt_M)])
    fold_P = stratified_folds(domain_P * (1 + y_P.max()) + y_P, FOLDS, rng)
    wrong_P = held_out_predictions(x_PD, y_P, fold_P, equal_shares(domain_P), gram_PP) != y_P
    joint, own = [], []
    for in_P in (domain_P == 0, domain_P == 1):
        joint.append(float(wrong_P[in_P].mean()))
        gram = None if gram_PP is None else gram_PP[np.ix_(in_P, in_P)]
        said = held_out_predictions(x_PD[in_P], y_P[in_P], fold_P[in_P], gram_NN=gram)
        own.append(float((said != y_P[in_P]).mean()))
    return JointError(sum(joint), sum(joint) - sum(own), *joint, *own)


def log_me(x_ND: Any, y_N: Any, n_classes: int) -> float:
    """Compute the log of the maximum evidence of a Bayesian linear model, per example, mean over the classes present.

    Each class's indicator is regressed on the features without intercept; prior and noise precision are found by the
    fixed point. With L = alpha / beta the best noise variance is closed, so L alone is iterated.
    Source: You et al., ICML 2021, section 4. L stays within 1e-12 to 1e12 of the features' largest squared singular
    value: a perfect fit has no largest evidence.

    Args:
        x_ND: (N, D) target features. y_N: (N,) labels 0 to n_classes - 1.

    Returns:
        Nats; more is better. Unchanged by rotations and by one factor on all features.

    Raises:
        ValueError: no example, or impossible shapes or labels.
    """
    x_ND, y_N = _checked(x_ND, y_N, n_classes)
    y_NC = np.eye(n_classes)[y_N][:, np.unique(y_N)]
    u_NK, s_K = left_svd(x_ND)
    power_K1, along_KC = np.square(s_K)[:, None], np.square(u_NK.T @ y_NC)
    beyond_C = np.maximum(y_NC.sum(axis=0) - along_KC.sum(axis=0), 0.0)
    return float(log_evidence(power_K1, along_KC, beyond_C, len(x_ND)).mean() / len(x_ND))


def leep(probabilities_NC: Any, y_N: Any) -> float:
    """Compute the log expected empirical prediction: mean log of P(y | z) averaged over the source model's classes z.

    Source: Nguyen et al., ICML 2020, equations 1 and 2.

    Args:
        probabilities_NC: (N, C) the source model's class probabilities of target examples; C may differ from the target's
            number of classes.
        y_N: (N,) target labels >= 0.

    Returns:
        Nats, at most 0; more is better.

    Raises:
        ValueError: no example, impossible shapes or labels, or rows that are no probabilities.
    """
    p_NC, y_N = _checked(probabilities_NC, y_N, None)
    if p_NC.min() < -1e-6 or np.abs(p_NC.sum(axis=1) - 1).max() > 1e-3:
        least, total = p_NC.min(), p_NC[0].sum()
        raise ValueError(f"Rows must be probabilities, got entries from {least:g} and sums like {total:g}.")
    p_NC = np.maximum(p_NC, 0.0) / np.maximum(p_NC, 0.0).sum(axis=1, keepdims=True)
    together_YC = np.eye(1 + y_N.max())[:, y_N] @ p_NC
    given_YC = together_YC / np.maximum(together_YC.sum(axis=0), np.finfo(float).tiny)
    return float(np.log((given_YC[y_N] * p_NC).sum(axis=1)).mean())


def h_score(x_ND: Any, y_N: Any) -> float:
    """Return the trace of the inverse covariance of the features times the covariance of their class means.

    Source: Bao et al., ICIP 2019. The covariance (divided by n) is shrunk towards a multiple of the identity by
    Ledoit & Wolf's rule and that of the class means by the same factor, as in Ibrahim et al., ECML PKDD 2022: with an inverse
    or pseudo-inverse, any labels score the number of classes - 1 once there are more features than examples.

    Args:
        x_ND: (N, D) target features. y_N: (N,) labels >= 0.

    Returns:
        0 to the number of classes present - 1; more is better. 0 where features or labels are constant.

    Raises:
        ValueError: no example, or impossible shapes or labels.
    """
    x_ND, y_N = _checked(x_ND, y_N, None)
    centred_ND = x_ND - x_ND.mean(axis=0)
    u_NK, s_K = left_svd(centred_ND)
    share_C = np.bincount(y_N) / len(y_N)
    mean_CK = (np.eye(len(share_C))[:, y_N] @ u_NK) / np.maximum(np.bincount(y_N), 1)[:, None]
    between_K = share_C @ np.square(mean_CK * s_K)
    shrinkage, mean_variance = ledoit_wolf(np.square(centred_ND).sum(axis=1), np.square(s_K), x_ND.shape[1])
    total_K = (1 - shrinkage) * np.square(s_K) / len(x_ND) + shrinkage * mean_variance
    seen_K = s_K > 1e-12 * np.linalg.norm(x_ND)  # the rest is rounding
    return float((1 - shrinkage) * (between_K[seen_K] / total_K[seen_K]).sum())


def _checked(x_ND: Any, y_N: Any, n_classes: int | None) -> tuple[np.ndarray, np.ndarray]:
    x_ND = dense(x_ND)
    if x_ND.ndim != 2 or 0 in x_ND.shape:
        raise ValueError(f"Expected a matrix with one or more examples, got shape {x_ND.shape}.")
    return x_ND, checked_labels(y_N, len(x_ND), n_classes)
