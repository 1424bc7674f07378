"""From what validators see of a model to its outlook, on which the warning rests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache

from tlbench.caching import content_key, once
from tlbench.selection.view import View
from tlbench.transfer.features import standardised_pair
from tlbench.transfer.warning.critics import critics, principal
from tlbench.transfer.warning.outlook import Outlook, made_small
from tlbench.transfer.warning.voters import nearest, votes

_KEPT: LRUCache = LRUCache(16)
"""By features: methods that leave these as they are ask for the same ones, seed by seed."""


@dataclass(frozen=True)
class Surroundings:
    """What features of labelled source and unlabelled target examples say whatever the model makes of them.

    Attributes:
        votes: see `voters.votes`.
        source_SK, target_TK: principal components of both.
    """

    votes: Mapping[str, np.ndarray]
    source_SK: np.ndarray
    target_TK: np.ndarray


def outlook_of(view: View, scores: Mapping[str, float], rng: np.random.Generator) -> Outlook:
    """Return the outlook of a model.

    Args:
        scores: what validators say of it, by name.
        rng: draws the points of Hopkins' statistic.
    """
    numbers, target, val = dict(scores), view.target, None
    found: Mapping[str, np.ndarray] = {}
    said_T, on_source = target.probabilities_NC.argmax(axis=1), None
    if (source := view.source) is not None and (labels_S := view.source_labels) is not None:
        said_S = source.probabilities_NC.argmax(axis=1)
        around, n_classes = (
            _surroundings(source.features_ND, labels_S, target.features_ND),
            target.probabilities_NC.shape[1],
        )
        found = around.votes
        numbers |= critics(around.source_SK, said_S, labels_S, around.target_TK, said_T, n_classes, rng)
        on_source = said_S, labels_S
        if view.source_val is not None and view.source_val_labels is not None:
            val = view.source_val.probabilities_NC, view.source_val_labels, view.weights_V
    return made_small(target.probabilities_NC, nearest(target.features_ND), on_source, val, found, numbers)


def _surroundings(source_SD: np.ndarray, labels_S: np.ndarray, target_TD: np.ndarray) -> Surroundings:
    def make() -> Surroundings:
        standard = standardised_pair(*(np.asarray(x, np.float64) for x in (source_SD, target_TD)))
        return Surroundings(votes(source_SD, labels_S, target_TD, standard), *principal(*standard, scaled=True))

    return once(_KEPT, content_key(source_SD, labels_S, target_TD), make)
