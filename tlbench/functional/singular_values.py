"""Norms of a batch that are sums of its singular values, with gradients that are finite at every matrix."""

from __future__ import annotations

import torch
from torch import Tensor


def nuclear_norm(x_NC: Tensor) -> Tensor:
    """Compute the sum of the singular values of (N, C).

    The gradient is U V' over the singular values above rounding, the shortest of the subgradients: along the others each
    direction is as good, and which one a decomposition returns depends on the order of the rows.

    Returns:
        Scalar; NaN where an entry is not finite, which a decomposition would stop at.
    """
    values_K = torch.linalg.svdvals(_finite(x_NC))
    least = values_K.detach().amax() * max(x_NC.shape) * torch.finfo(x_NC.dtype).eps
    return _known(x_NC, torch.where(values_K > least, values_K, 0).sum())


def squared_spectral_norm(x_NF: Tensor) -> Tensor:
    """Compute the square of the largest singular value of (N, F); where several are the largest, they share the gradient.

    Returns:
        Scalar; NaN where an entry is not finite.
    """
    return _known(x_NF, torch.linalg.matrix_norm(_finite(x_NF), ord=2).square())


def smallest_squares(x_NF: Tensor, k: int) -> Tensor:
    """Compute the sum of the squares of the k smallest of the min(N, F) singular values; of all, where there are no more than k.

    Returns:
        Scalar >= 0; NaN where an entry is not finite.
    """
    return _known(x_NF, torch.linalg.svdvals(_finite(x_NF))[-k:].square().sum())


def _finite(x: Tensor) -> Tensor:
    """Return x with 0 for what is not finite, at which a decomposition would stop; no branch, so that runs can be stacked."""
    return torch.where(torch.isfinite(x), x, 0)


def _known(x: Tensor, value: Tensor) -> Tensor:
    return torch.where(torch.isfinite(x).all(), value, torch.nan)
