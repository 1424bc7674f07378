"""How a method that knows K classes says that an example is of none of them."""

from __future__ import annotations

import torch
from torch import Tensor


def with_unknown(probabilities_NK: Tensor, share_N: Tensor) -> Tensor:
    """Return (N, K + 1) probabilities; the last column, of the unknown class, is the highest just where its share is above 1/2.

    It is s max p and a known class (1 - s) p, before a row is divided by its sum: the odds of `unknown` against the likeliest
    known class are s / (1 - s), and the known classes keep their order and ratios.

    Args:
        probabilities_NK: of the known classes, rows that sum to 1.
        share_N: s, in [0, 1].

    Raises:
        ValueError: there is not one share a row.
    """
    if share_N.shape != probabilities_NK.shape[:1]:
        raise ValueError(f"with_unknown needs one share a row, got {share_N.shape} for {probabilities_NK.shape}.")
    known_NK = probabilities_NK * (1 - share_N)[:, None]
    unknown_N = probabilities_NK.amax(dim=1) * share_N
    total_N = known_NK.sum(dim=1) + unknown_N
    known_NK, unknown_N = known_NK / total_N[:, None], unknown_N / total_N
    # rounding must not turn the rule round
    top_N = known_NK.amax(dim=1)
    beyond_N = torch.maximum(unknown_N, torch.nextafter(top_N, torch.ones_like(top_N)))
    said_N = torch.where(share_N > 0.5, beyond_N, torch.minimum(unknown_N, top_N))
    return torch.cat([known_NK, said_N[:, None]], dim=1)
