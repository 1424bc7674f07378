"""How much more often an example turns up in the target than in the source."""

from __future__ import annotations

import numpy as np
from cachetools import LRUCache
from sklearn.linear_model import LogisticRegression

from tlbench.caching import content_key, once
from tlbench.transfer.features import means_and_sds

_KEPT: LRUCache = LRUCache(128)
"""Weights by the features that they are of: methods that leave these as they are ask for the same ones, seed by seed."""
LOGIT_LIMIT = 30.0
"""Log odds are cut off here, so that a weight is finite and above 0 for every example."""


def scaled(*parts: np.ndarray, like: int) -> list[np.ndarray]:
    """Return float64 copies of feature arrays (N_i, D): each column with mean 0 and variance 1, then divided by sqrt(D).

    Rows then have a mean square of 1 whatever D is, so one strength of a penalty suits 64 and 5,000 columns.

    Args:
        like: the first so many parts, pooled, set the means and variances. A column that is constant there stays 0.
    """
    arrays = [np.asarray(part, dtype=np.float64) for part in parts]
    mean_D, sd_D = means_and_sds(np.concatenate(arrays[:like]))
    return [_in_scale(array, mean_D, sd_D) for array in arrays]


def _in_scale(x_ND: np.ndarray, mean_D: np.ndarray, sd_D: np.ndarray) -> np.ndarray:
    x_ND = x_ND - mean_D
    x_ND /= sd_D
    x_ND /= np.sqrt(x_ND.shape[1])
    return x_ND


def importance_weights(source_train_SD: np.ndarray, target_TD: np.ndarray, source_val_VD: np.ndarray) -> np.ndarray:
    """Estimate the density ratio p_target(x) / p_source(x) at the source validation examples, by a domain classifier.

        w(x) = S / T * p(target | x) / p(source | x)

    The ratio by a classifier is Bickel et al., ICML 2007; the form with S / T is You et al., ICML 2019.
    The classifier is a logistic regression with an L2 penalty of 1 / 2 |v|^2 beside the summed log loss, on features
    scaled by `scaled` over source training and target examples.

    Args:
        source_train_SD, target_TD: features on which the classifier is fitted, one example or more of each.
        source_val_VD: features at which the ratio is wanted.

    Returns:
        (V,) weights, finite and above 0; about 1 on average where validation and training source are alike.

    Raises:
        ValueError: an array is no matrix or is empty, or the widths differ.
    """
    shapes = [np.shape(part) for part in (source_train_SD, target_TD, source_val_VD)]
    if any(len(shape) != 2 or 0 in shape for shape in shapes) or len({shape[1] for shape in shapes}) > 1:
        raise ValueError(f"importance_weights needs three non-empty feature matrices of one width, got {shapes}.")
    given = [np.asarray(part) for part in (source_train_SD, target_TD, source_val_VD)]
    return once(_KEPT, content_key(*given), lambda: _weights(*given)).copy()


def _weights(source_SD: np.ndarray, target_TD: np.ndarray, val_VD: np.ndarray) -> np.ndarray:
    source, target, val = scaled(source_SD, target_TD, val_VD, like=2)
    domain = np.repeat([0, 1], [len(source), len(target)])
    classifier = LogisticRegression(C=1.0, tol=1e-7, max_iter=1000).fit(np.concatenate([source, target]), domain)
    logit = np.clip(classifier.decision_function(val), -LOGIT_LIMIT, LOGIT_LIMIT)
    return np.exp(logit) * len(source) / len(target)
