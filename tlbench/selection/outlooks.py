"""From what validators see of a model to its outlook, on which the warning rests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tlbench.selection.view import View
from tlbench.transfer.warning.critics import critics
from tlbench.transfer.warning.outlook import Outlook, made_small
from tlbench.transfer.warning.voters import nearest, votes


def outlook_of(view: View, scores: Mapping[str, float], rng: np.random.Generator) -> Outlook:
    """Return the outlook of a model.

    Args:
        scores: what validators say of it, by name.
        rng: draws the points of Hopkins' statistic.
    """
    found, numbers, target, val = dict[str, np.ndarray](), dict(scores), view.target, None
    said_T, on_source = target.probabilities_NC.argmax(axis=1), None
    if (source := view.source) is not None and (labels_S := view.source_labels) is not None:
        said_S = source.probabilities_NC.argmax(axis=1)
        found = votes(source.features_ND, labels_S, target.features_ND)
        n_classes = target.probabilities_NC.shape[1]
        numbers |= critics(source.features_ND, said_S, labels_S, target.features_ND, said_T, n_classes, rng)
        on_source = said_S, labels_S
        if view.source_val is not None and view.source_val_labels is not None:
            val = view.source_val.probabilities_NC, view.source_val_labels, view.weights_V
    return made_small(target.probabilities_NC, nearest(target.features_ND), on_source, val, found, numbers)
