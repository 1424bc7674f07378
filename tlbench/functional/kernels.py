"""Gaussian kernels of several widths, in units of the batch's own mean squared distance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def squared_distances(x_ND: Tensor, y_MD: Tensor) -> Tensor:
    """(N, M) squared Euclidean distances, never below zero."""
    cross_NM = x_ND @ y_MD.T
    return (x_ND.square().sum(1)[:, None] + y_MD.square().sum(1)[None] - 2 * cross_NM).clamp_min(0)


def bandwidth(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Mean squared distance over all pairs of different pooled examples, without a gradient; never zero."""
    pooled = torch.cat([xs_ND, xt_MD]).detach()
    n = len(pooled)
    return (squared_distances(pooled, pooled).sum() / (n * (n - 1))).clamp_min(torch.finfo(pooled.dtype).eps)


def kernel(distances: Tensor, width: Tensor, scales: Sequence[float]) -> Tensor:
    """Mean over the scales s of exp(-d / (s * width)); same shape as the squared distances d."""
    return torch.stack([torch.exp(-distances / (scale * width)) for scale in scales]).mean(dim=0)
