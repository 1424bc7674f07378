"""How sure predictions are."""

from __future__ import annotations

import torch
from torch import Tensor


def certainty(probabilities_NC: Tensor) -> Tensor:
    """Return (N,) 1 + exp(-H), H the entropy of each row in nats: 2 where a prediction is sure, 1 + 1 / C where it is uniform.

    Papers: CDAN+E (Long et al., NeurIPS 2018, arXiv:1705.10667, entropy conditioning) and MCC (Jin et al., ECCV 2020,
    arXiv:1912.03699, uncertainty reweighting) weigh examples by it.
    """
    return 1 + torch.exp(-torch.special.entr(probabilities_NC).sum(dim=1))


def mean_entropy(logits_NC: Tensor) -> Tensor:
    """Return the mean entropy in nats of softmax of (N, C) logits, from the logits alone: nothing is added inside the logarithm.

    Paper: Grandvalet & Bengio, Semi-supervised Learning by Entropy Minimization, NeurIPS 2004.
    """
    return entropies(logits_NC).mean()


def entropies(logits_NC: Tensor) -> Tensor:
    """Return (N,) entropies in nats of softmax of (N, C) logits."""
    log_p_NC = logits_NC.log_softmax(dim=1)
    return -(log_p_NC.exp() * log_p_NC).sum(dim=1)
