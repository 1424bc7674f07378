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
    # 1 - s is exact for s above 1/2: one step beyond it the two factors are two steps apart, and rounding does not turn the rule
    columns_NC = torch.cat(
        [probabilities_NK * (1 - share_N)[:, None], (probabilities_NK.amax(dim=1) * share_N)[:, None]], dim=1
    )
    return columns_NC / columns_NC.sum(dim=1, keepdim=True)
