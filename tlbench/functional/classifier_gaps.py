"""How far the predictions of classifiers of the same examples are apart."""

from __future__ import annotations

from torch import Tensor


def discrepancy(p1_NC: Tensor, p2_NC: Tensor) -> Tensor:
    """Return the mean over rows and classes of |p1 - p2|: 0 to 2 / C. Source: MCD, arXiv:1712.02560, eq. 3."""
    return (p1_NC - p2_NC).abs().mean()
