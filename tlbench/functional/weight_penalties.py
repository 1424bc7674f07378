"""Squared lengths of weights, over many tensors together."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def squared_length(tensors: Iterable[Tensor]) -> Tensor:
    """Compute the sum of the squares of all entries, a scalar. Raises ValueError where there is no tensor."""
    squares = [tensor.float().square().sum() for tensor in tensors]
    if not squares:
        raise ValueError("squared_length needs one tensor or more, got none.")
    return torch.stack(squares).sum()
