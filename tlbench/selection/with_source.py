"""Validators that use source labels. All say: higher is better. Probabilities are (N, C), labels and weights (N,)."""

from __future__ import annotations

import numpy as np

from tlbench.selection.importance import scaled
from tlbench.transfer.unit_ridge import unit_ridge

SAME = 1e-9
"""Ridge outputs closer than this are a tie."""


def source_val(probabilities_NC: np.ndarray, labels_N: np.ndarray) -> float:
    """Compute the accuracy on source validation examples: 1/N sum [argmax p_i = y_i], in [0, 1].

    What a shift between the domains does is out of its sight.
    """
    return 1.0 - float(_wrong(probabilities_NC, labels_N).mean())


def iwv(probabilities_NC: np.ndarray, labels_N: np.ndarray, weights_N: np.ndarray) -> float:
    """Compute importance-weighted validation: 1 - 1/N sum w_i [argmax p_i != y_i], at most 1.

    Paper    Sugiyama, Krauledat & Mueller, Covariate Shift Adaptation by Importance Weighted Cross Validation,
             JMLR 8, 2007 (the weighted risk of IWCV; with weights of 1 this is the accuracy)
    Departs  1. one validation part, no folds
             2. the ratio is estimated (`importance_weights`), known in the paper's theory
    """
    return 1.0 - float((_checked(weights_N, labels_N) * _wrong(probabilities_NC, labels_N)).mean())


def dev(probabilities_NC: np.ndarray, labels_N: np.ndarray, weights_N: np.ndarray) -> float:
    """Compute deep embedded validation: minus the weighted risk with a control variate.

        L_i = w_i [argmax p_i != y_i],  eta = -Cov(L, w) / Var(w),  DEV = -(mean L + eta mean w - eta)

    Paper    You et al., Towards Accurate Model Selection in Deep Unsupervised Domain Adaptation, ICML 2019
    Loss     0/1, as in the authors' code; the paper leaves the loss open, pytorch-adapt takes the cross-entropy
    Departs  1. a logistic regression in place of a tuned network as domain classifier
             2. eta is 0 where the weights do not vary or there is one example (else 0 / 0)
    """
    w, loss = _checked(weights_N, labels_N), weights_N * _wrong(probabilities_NC, labels_N)
    if w.std() <= 1e-6 * w.mean():
        return -float(loss.mean())
    cov = np.cov(loss, w)
    eta = -cov[0, 1] / cov[1, 1]
    return -float(loss.mean() + eta * (w.mean() - 1.0))


def circular(
    source_SD: np.ndarray, labels_S: np.ndarray, target_TD: np.ndarray, target_probabilities_TC: np.ndarray
) -> float:
    """Compute circular (reverse) validation: a classifier learnt from target predictions, tried on the labelled source.

        fit ridge(target features -> one-hot predicted class), score its accuracy on the source, in [0, 1]

    Paper    Bruzzone & Marconcini, Domain Adaptation Problems: A DASVM Classification Technique and a Circular
             Validation Strategy, TPAMI 2010; Ganin et al., JMLR 2016, section 5.1.2 (reverse validation)
    Departs  1. the way back is a ridge classifier (penalty 1, features scaled over both domains) on the features the
                model has made; the papers run the whole adaptation with the domains exchanged
             2. scored on source training examples; Ganin et al. score on a part kept from it
             3. where k classes share the highest output, one of them being right counts 1 / k
    """
    shapes = source_SD.shape, labels_S.shape, target_TD.shape, target_probabilities_TC.shape
    if shapes[0][1:] != shapes[2][1:] or shapes[0][:1] != shapes[1] or shapes[2][:1] != shapes[3][:1]:
        raise ValueError(f"circular needs shapes (S, D), (S,), (T, D) and (T, C), got {shapes}.")
    source, target = scaled(source_SD, target_TD, like=2)
    said_T = target_probabilities_TC.argmax(axis=1)
    classes = np.unique(said_T)
    one_hot_TK = np.equal.outer(said_T, classes).astype(np.float64)
    weights_DK, intercept_K = unit_ridge(target, one_hot_TK)
    output_SK = source @ weights_DK + intercept_K
    best_SK = output_SK >= output_SK.max(axis=1, keepdims=True) - SAME
    right_S = (best_SK & np.equal.outer(labels_S, classes)).any(axis=1)
    return float((right_S / best_SK.sum(axis=1)).mean())


def _wrong(probabilities_NC: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    if labels_N.shape != probabilities_NC.shape[:1] or not len(labels_N):
        raise ValueError(f"Needs a label for each row, got {probabilities_NC.shape} and {labels_N.shape}.")
    return probabilities_NC.argmax(axis=1) != labels_N


def _checked(weights_N: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    if weights_N.shape != labels_N.shape:
        raise ValueError(f"Needs a weight for each label, got {weights_N.shape} and {labels_N.shape}.")
    return weights_N
