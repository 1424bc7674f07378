"""Guesses of which a network is sure, as labels.

Papers: Lee, Pseudo-Label, ICML Workshops 2013; Sohn et al., FixMatch, NeurIPS 2020, arXiv:2001.07685.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def sure_cross_entropy(logits_BC: Tensor, guess_BC: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Compute the cross-entropy with the guesses of which the largest probability is above a threshold, over all B rows.

    Args:
        logits_BC: of what learns.
        guess_BC: logits of what guesses; no gradient passes.

    Returns:
        The loss, 0 where no guess is sure enough, and the share of the rows whose guess is.
    """
    surest_B, guess_B = guess_BC.detach().softmax(dim=1).max(dim=1)
    kept_B = (surest_B > threshold).to(logits_BC.dtype)
    losses_B = F.cross_entropy(logits_BC, guess_B, reduction="none")
    return (kept_B * losses_B).mean(), kept_B.mean()
