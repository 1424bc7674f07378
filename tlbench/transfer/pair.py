"""All distances and scores of one pair, under stable names. docs/distances.md tells how to read them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tlbench.seeds import stream
from tlbench.transfer.distances import (
    coral_distance,
    mean_shift,
    mmd,
    pooled_kernel,
    proxy_a_distance,
    sliced_wasserstein,
)
from tlbench.transfer.domain_probe import FOLDS, gram
from tlbench.transfer.features import checked_labels, checked_pair, standardised_pair
from tlbench.transfer.shift_tests import shift_tests
from tlbench.transfer.transferability import domain_accuracy_per_class, h_score, joint_error, label_shift, leep, log_me

MARGINAL_NAMES = {
    "a_distance": "how well a linear classifier tells the domains apart, 0 (not) to 2 (without error)",
    "mmd": "squared maximum mean discrepancy, Gaussian kernel; about 0 for equal domains, below 2",
    "mmd_p": "share of random splits with as large an mmd; small: the domains differ beyond chance",
    "coral": "squared distance of the covariances over 4 D^2; 0 where they agree",
    "sliced_wasserstein": "transport distance along random directions, in standard deviations",
    "mean_shift": "root mean square difference of the features' means, in standard deviations",
}
"""Quantities without labels."""

ORACLE_NAMES = {
    "oracle_label_shift": "ORACLE: total variation of the class shares, 0 to 1",
    "oracle_joint_error": "ORACLE: source plus target error of one linear classifier for both domains, 0 to 2",
    "oracle_joint_excess": "ORACLE: joint error minus that of two own classifiers; large: the labels contradict each other",
    "oracle_logme": "ORACLE: log evidence of the target labels given the features, per example; more is easier",
    "oracle_leep": "ORACLE: log probability of the target labels given the source model's classes, at most 0",
    "oracle_h_score": "ORACLE: variance of the class means over that of the target features, 0 to classes - 1",
    "oracle_class_a_distance": "ORACLE: A-distance inside each class, mean over classes, 0 to 2",
    "oracle_domain_accuracy_per_class": "ORACLE: accuracy of telling the domains apart in each class, 0.5 is chance",
}
"""Quantities that look at target labels."""


def measure_pair(
    xs_ND: Any,
    ys_N: Any,
    xt_MD: Any,
    yt_M: Any,
    *,
    n_classes: int,
    seed: int,
    probabilities_t: Any | None = None,
    shift: bool = False,
) -> dict[str, Any]:
    """Measure everything in MARGINAL_NAMES and ORACLE_NAMES, in that order.

    Features are standardised first: each column minus its mean, over its sd, both of the pooled examples, so that values
    compare between pairs.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D) features, dense or scipy sparse; a few hundred rows (time grows with their square).
        ys_N, yt_M: (N,) and (M,) labels 0 to n_classes - 1.
        seed: draws folds, permutations and directions; each quantity has a stream of its own.
        probabilities_t: (M, C) class probabilities that a model fitted on the source gives to the target, for LEEP.
        shift: measure what SHIFT_NAMES names too, from which `kind_of_shift` names the shift.

    Returns:
        Finite floats; None for what cannot be measured (a domain with one example; LEEP without probabilities). The last is a
        list over the classes.

    Raises:
        ValueError: impossible shapes, an empty domain, labels out of range, features that are not finite.
    """
    xs_ND, xt_MD = standardised_pair(*checked_pair(xs_ND, xt_MD))
    ys_N, yt_M = checked_labels(ys_N, len(xs_ND), n_classes), checked_labels(yt_M, len(xt_MD), n_classes)
    found = dict.fromkeys([*MARGINAL_NAMES, *ORACLE_NAMES]) | {
        "sliced_wasserstein": sliced_wasserstein(xs_ND, xt_MD, rng=stream(seed, "sliced wasserstein")),
        "mean_shift": mean_shift(xs_ND, xt_MD),
        "oracle_label_shift": label_shift(ys_N, yt_M, n_classes),
        "oracle_logme": log_me(xt_MD, yt_M, n_classes),
        "oracle_h_score": h_score(xt_MD, yt_M),
    }
    if (fewest := min(len(xs_ND), len(xt_MD))) >= 2:
        kernel_PP = pooled_kernel(xs_ND, xt_MD)
        found |= _of_two_or_more(xs_ND, ys_N, xt_MD, yt_M, seed, kernel_PP)
        if shift and fewest >= FOLDS:
            found |= shift_tests(xs_ND, ys_N, xt_MD, yt_M, n_classes=n_classes, seed=seed, kernel_PP=kernel_PP)
    if probabilities_t is not None:
        found["oracle_leep"] = leep(probabilities_t, yt_M)
    rng = stream(seed, "domain accuracy per class")
    per_class = domain_accuracy_per_class(xs_ND, ys_N, xt_MD, yt_M, n_classes=n_classes, rng=rng, scaled=True)
    inside = [2 * max(0.0, 2 * accuracy - 1) for accuracy in per_class if accuracy is not None]
    found["oracle_class_a_distance"] = float(np.mean(inside)) if inside else None
    return {name: _finite(value) for name, value in found.items()} | {"oracle_domain_accuracy_per_class": per_class}


def _of_two_or_more(
    xs_ND: np.ndarray, ys_N: np.ndarray, xt_MD: np.ndarray, yt_M: np.ndarray, seed: int, kernel_PP: np.ndarray
) -> dict[str, Any]:
    mmd2, p = mmd(xs_ND, xt_MD, rng=stream(seed, "mmd"), kernel_PP=kernel_PP)
    known: dict[str, Any] = {"scaled": True, "gram_PP": gram(np.concatenate([xs_ND, xt_MD]))}
    joint = joint_error(xs_ND, ys_N, xt_MD, yt_M, rng=stream(seed, "joint error"), **known)
    return {
        "a_distance": proxy_a_distance(xs_ND, xt_MD, rng=stream(seed, "a distance"), **known),
        "mmd": mmd2,
        "mmd_p": p,
        "coral": coral_distance(xs_ND, xt_MD),
        "oracle_joint_error": joint.error,
        "oracle_joint_excess": joint.excess,
    }


def _finite(value: float | None) -> float | None:
    """Return None for nan and infinity, which JSON, and so a record, does not know."""
    return float(value) if value is not None and math.isfinite(value) else None
