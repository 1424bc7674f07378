"""Minimum class confusion, a loss on target predictions alone.

Paper: Jin et al., Minimum Class Confusion for Versatile Domain Adaptation, ECCV 2020, arXiv:1912.03699, section 3.
"""

from __future__ import annotations

from torch import Tensor

from tlbench.functional.entropy import certainty

PAPER_TEMPERATURE = 2.5
"""The paper's."""


def class_confusion(logits_NC: Tensor, temperature: float) -> Tensor:
    """Compute the share of each class's correlations that is with other classes, a mean over classes (section 3).

    Rows of P sum to 1, so row c of P' W P sums to sum_i w_i p_ic, and its diagonal over that is sum_i q_ic p_ic with q_ic
    the share of example i in that sum: no division that could be 0 / 0.

    Args:
        logits_NC: of the target, (N, C) with N >= 1 and C >= 2.
        temperature: > 0; softens the probabilities.

    Returns:
        Scalar in [0, 1): 0 where every prediction is sure and every class is predicted; a class that no example comes near
        counts 1, and 1 - 1 / C is the mean where all predictions are alike.

    Raises:
        ValueError: no rows, or fewer than two classes.
    """
    if len(logits_NC) < 1 or logits_NC.shape[1] < 2:
        raise ValueError(
            f"class_confusion needs one or more rows of two or more classes, got {tuple(logits_NC.shape)}."
        )
    log_p_NC = (logits_NC / temperature).log_softmax(dim=1)
    p_NC = log_p_NC.exp()
    log_w_N = certainty(p_NC.detach()).log()
    q_NC = (log_p_NC + log_w_N[:, None]).softmax(dim=0)
    return 1 - (q_NC * p_NC).sum(dim=0).mean()
