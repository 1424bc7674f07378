"""Signals: what a method's and its reference's words on the same unlabelled examples say of the gain. Pure, without any label of
the target and without the method's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlbench.functional.class_shares import mixture_shares
from tlbench.transfer.warning.outlook import Outlook
from tlbench.transfer.warning.voters import VOTERS

FOR = (
    "neighbours_votes", "neighbours_lead", "ridge_votes", "ridge_lead", "means_votes", "means_lead", "neighbours_own_votes",
    "neighbours_own_lead", "ridge_own_votes", "ridge_own_lead", "means_own_votes", "means_own_lead", "others_votes",
    "others_lead", "smoothness", "own_smoothness", "atc", "doc", "weighted_lead", "confidence", "confidence_apart",
    "product_apart", "nearer_shares", "nearer_source_shares", "iwv", "dev", "entropy", "diversity", "im", "bnm", "snd",
    "class_cluster", "mixval", "circular", "critic", "projection_norm", "head_uniformity", "hopkins", "source_accuracy",
    "val_accuracy",
)  # fmt: skip
"""Signals of which more speaks for the method, if anything: no model may have it the other way round."""
AGAINST = ("disagreement", "moved_shares", "empty_classes")
"""Of which more speaks against it."""
SMALLEST = 1e-3
"""Probabilities below are taken as this: half-precision ones are 0 soon."""
MOST_WEIGHT = 100.0
"""Weights of examples are cut off here: one may stand for this many, and no more."""


def signals(own: Outlook, reference: Outlook, others: Sequence[Outlook] = ()) -> dict[str, float]:
    """Return each signal by name, finite; what cannot be had is left out. Positive ones speak for the method.

        disagreement            share of the target's examples of which the two say different classes
        NAME_votes              share of examples where a voter is with the method, less that where it is with the reference;
                                NAME_own_votes: the voter learnt in the method's features
        NAME_lead               the same over the examples where the two disagree
        others_votes, others_lead       the same of the other methods that were tried on this recipe, a voter each, their mean
        confidence, confidence_apart    mean confidence of the method less the reference's, over all and where they disagree
        product_apart           mean over disagreements of the sum of both log odds of the method's class to the reference's
        VALIDATOR, CRITIC       the method's less the reference's
        smoothness, own_smoothness      share of nearest target neighbours, in the reference's features and in the method's own,
                                that are given the same class: by the method less by the reference
        atc, doc                accuracy as estimated by a threshold of confidence (Garg et al. 2022) and by the fall of
                                confidence from source validation (Guillory et al. 2021), the method's less the reference's
        weighted_lead           share of source validation examples, weighted by how often the like is in the target, that the
                                method gets right, less the reference's; weights of the reference's features, over their sum
        source_accuracy, val_accuracy   of source training examples, and of those kept from it, the method's less the reference's
        moved_shares            total variation between the predicted class shares of the two
        nearer_shares           how much nearer the method's are to the shares that EM makes likely (Saerens et al. 2002)
        nearer_source_shares    how much nearer they are to the source's class shares
        empty_classes           share of classes that the reference predicts and the method never does, less the other way round
        likely_shift            total variation between EM's shares and the source's: is the class balance another?
        reference_confidence, reference_val_accuracy, reference_nearness (its shares' distance from the source's)    the
                                reference's own state

    Args:
        others: outlooks of other methods on the same recipe, on the same examples.

    Raises:
        ValueError: they are of different examples.
    """
    if len(sizes := {len(look.said_N) for look in (own, reference, *others)}) > 1:
        raise ValueError(f"Signals need one set of examples, got sets of {' and '.join(map(str, sorted(sizes)))}.")
    apart_N = own.said_N != reference.said_N
    found = {"disagreement": float(apart_N.mean())}
    found |= _smoothness(own, reference) | _estimates(own, reference)
    found |= (
        consensus(own, reference, others)
        | _votes(own, reference, apart_N)
        | _confidence(own, reference, apart_N)
        | _shares(own, reference)
    )
    found |= {name: own.numbers[name] - value for name, value in reference.numbers.items() if name in own.numbers}
    for name, on in (("source", _on_source), ("val", _on_val)):
        if (mine := on(own)) is not None and (theirs := on(reference)) is not None:
            found[f"{name}_accuracy"] = mine - theirs
    if (state := _on_val(reference)) is not None:
        found["reference_val_accuracy"] = state
    return found


def consensus(own: Outlook, reference: Outlook, others: Sequence[Outlook]) -> dict[str, float]:
    """Return how other methods vote between a method and its reference: `others_votes`, `others_lead`; nothing without any."""
    if not others:
        return {}
    lead = float(np.mean([_lead(look.said_N, own, reference) for look in others]))
    n_apart = int((own.said_N != reference.said_N).sum())
    return {"others_votes": lead / len(own.said_N), "others_lead": lead / max(n_apart, 1)}


def _votes(own: Outlook, reference: Outlook, apart_N: np.ndarray) -> dict[str, float]:
    found = dict[str, float]()
    for whose, look in (("", reference), ("own_", own)):
        for name in VOTERS:
            if name in look.votes:
                lead = _lead(look.votes[name], own, reference)
                found[f"{name}_{whose}votes"] = lead / len(apart_N)
                found[f"{name}_{whose}lead"] = lead / max(int(apart_N.sum()), 1)
    return found


def _lead(voted_N: np.ndarray, own: Outlook, reference: Outlook) -> float:
    """Return the examples on which a voter is with the method, less those on which it is with the reference."""
    return float((voted_N == own.said_N).sum() - (voted_N == reference.said_N).sum())


def _confidence(own: Outlook, reference: Outlook, apart_N: np.ndarray) -> dict[str, float]:
    top_N, top_of_reference_N = (look.target_NC.max(axis=1).astype(np.float64) for look in (own, reference))
    found = {
        "confidence": float(top_N.mean() - top_of_reference_N.mean()),
        "reference_confidence": float(top_of_reference_N.mean()),
        "confidence_apart": 0.0,
        "product_apart": 0.0,
    }
    if apart_N.any():
        m, r, rows = own.said_N[apart_N], reference.said_N[apart_N], np.flatnonzero(apart_N)
        odds = sum(_log(look, rows, m) - _log(look, rows, r) for look in (own, reference))
        found["confidence_apart"] = float((top_N - top_of_reference_N)[apart_N].mean())
        found["product_apart"] = float(np.mean(odds))
    return found


def _log(look: Outlook, rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return log probabilities of classes; of one for which the model has no output, the smallest."""
    inside = classes < look.n_classes
    values = look.target_NC[rows, np.where(inside, classes, 0)].astype(np.float64)
    return np.log(np.maximum(np.where(inside, values, 0.0), SMALLEST))


def _smoothness(own: Outlook, reference: Outlook) -> dict[str, float]:
    found = {}
    for whose, near_NK in (("", reference.near_NK), ("own_", own.near_NK)):
        if near_NK.shape[1]:
            same = [(said[near_NK] == said[:, None]).mean() for said in (own.said_N, reference.said_N)]
            found[f"{whose}smoothness"] = float(same[0] - same[1])
    return found


def _estimates(own: Outlook, reference: Outlook) -> dict[str, float]:
    """Return differences of accuracies that are estimated from source validation."""
    if not (len(own.val_VC) and len(reference.val_VC)):
        return {}
    found = {
        "atc": thresholded_confidence(own) - thresholded_confidence(reference),
        "doc": confidence_fall(own) - confidence_fall(reference),
    }
    if len(own.val_VC) == len(reference.val_VC):
        right = [(look.val_VC.argmax(axis=1) == look.val_labels_V).astype(float) for look in (own, reference)]
        weights_V = np.minimum(reference.val_weights_V.astype(np.float64), MOST_WEIGHT)
        found["weighted_lead"] = float((right[0] - right[1]) @ weights_V / weights_V.sum())
    return found


def thresholded_confidence(look: Outlook) -> float:
    """Return ATC: the share of target examples whose confidence is above the threshold that as many source validation examples
    exceed as are right.

    Paper    Garg et al., Leveraging Unlabeled Data to Predict Out-of-Distribution Performance, ICLR 2022, arXiv:2201.04234
             (eq. 2, maximum confidence)
    """
    accuracy, top_V = _on_val(look), look.val_VC.max(axis=1).astype(np.float64)
    assert accuracy is not None
    threshold = np.quantile(top_V, 1.0 - accuracy, method="higher")
    return float((look.target_NC.max(axis=1) >= threshold).mean())


def confidence_fall(look: Outlook) -> float:
    """Return the accuracy on source validation less the fall of the mean confidence from there to the target.

    Paper    Guillory et al., Predicting with Confidence on Unseen Distributions, ICCV 2021, arXiv:2107.03315 (difference of
             confidences, no regression)
    """
    accuracy = _on_val(look)
    assert accuracy is not None
    fall = look.val_VC.max(axis=1).astype(np.float64).mean() - look.target_NC.max(axis=1).astype(np.float64).mean()
    return float(accuracy - fall)


def _shares(own: Outlook, reference: Outlook) -> dict[str, float]:
    k = max(own.n_classes, reference.n_classes)
    m, r = (np.bincount(look.said_N, minlength=k) / len(look.said_N) for look in (own, reference))
    found = {
        "moved_shares": _distance(m, r),
        "empty_classes": float(((m == 0) & (r > 0)).sum() - ((r == 0) & (m > 0)).sum()) / k,
    }
    labels = reference.source_labels_S
    if len(labels):
        source = np.bincount(labels, minlength=k) / len(labels)
        likely = _likely_shares(reference, source)
        found |= {
            "nearer_shares": _distance(r, likely) - _distance(m, likely),
            "nearer_source_shares": _distance(r, source) - _distance(m, source),
            "likely_shift": _distance(likely, source),
            "reference_nearness": _distance(r, source),
        }
    return found


def _likely_shares(reference: Outlook, source_K: np.ndarray) -> np.ndarray:
    says_NC = np.maximum(reference.target_NC.astype(np.float64), SMALLEST)
    prior_C = np.maximum(source_K[: reference.n_classes], SMALLEST)
    found_C, _ = mixture_shares(says_NC, prior_C / prior_C.sum(), rounds=100, tol=1e-6)
    return np.pad(found_C, (0, len(source_K) - len(found_C)))


def _distance(p_K: np.ndarray, q_K: np.ndarray) -> float:
    """Return the total variation of two distributions, 0 to 1."""
    return float(np.abs(p_K - q_K).sum() / 2)


def _on_source(look: Outlook) -> float | None:
    return float((look.source_S == look.source_labels_S).mean()) if len(look.source_S) else None


def _on_val(look: Outlook) -> float | None:
    return float((look.val_VC.argmax(axis=1) == look.val_labels_V).mean()) if len(look.val_VC) else None
