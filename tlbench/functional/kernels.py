"""Kernels of several widths, mostly in units of the batch's own distances, and the sets of them that methods are known by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def squared_distances(x_ND: Tensor, y_MD: Tensor) -> Tensor:
    """Return (N, M) squared Euclidean distances, never below zero."""
    cross_NM = x_ND @ y_MD.T
    return (x_ND.square().sum(1)[:, None] + y_MD.square().sum(1)[None] - 2 * cross_NM).clamp_min(0)


def bandwidth(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Return the mean squared distance over all pairs of different pooled examples, without a gradient; never zero."""
    pooled = torch.cat([xs_ND, xt_MD]).detach()
    n = len(pooled)
    return (squared_distances(pooled, pooled).sum() / (n * (n - 1))).clamp_min(torch.finfo(pooled.dtype).eps)


def kernel(distances: Tensor, width: Tensor, scales: Sequence[float]) -> Tensor:
    """Return the mean over the scales s of exp(-d / (s * width)); same shape as the squared distances d."""
    return torch.stack([torch.exp(-distances / (scale * width)) for scale in scales]).mean(dim=0)


def mean_of_all(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Do as `bandwidth`, but over all n^2 pooled pairs, those of an example with itself too: (n - 1) / n of it."""
    n = len(xs_ND) + len(xt_MD)
    return bandwidth(xs_ND, xt_MD) * (n - 1) / n


def median_of_source(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Return the (lower) median squared distance over all N^2 pairs of source examples, those of an example with itself too.
    Without a gradient; never zero."""
    x_ND = xs_ND.detach()
    return squared_distances(x_ND, x_ND).median().clamp_min(torch.finfo(x_ND.dtype).eps)


def one(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Return 1: widths do not follow the batch."""
    return xs_ND.new_ones(())


@dataclass(frozen=True)
class KernelSet:
    """Kernels exp(-d / (s * unit)) for scales s, averaged or added up; d the squared distance, or with `root` the distance.

    Attributes:
        unit: of (source, target) features, a scalar without a gradient, in units of d^2 with `root` too (its root is taken).
    """

    scales: tuple[float, ...]
    unit: Callable[[Tensor, Tensor], Tensor]
    root: bool = False
    summed: bool = False

    def at(self, xs_ND: Tensor, xt_MD: Tensor) -> Kernel:
        """Return the kernel with the widths that a batch gives it."""
        unit = self.unit(xs_ND, xt_MD)
        return Kernel(self, unit.sqrt() if self.root else unit)


@dataclass(frozen=True)
class Kernel:
    """A kernel set whose unit is known."""

    kernels: KernelSet
    unit: Tensor

    def of_all(self, x_ND: Tensor, y_MD: Tensor) -> Tensor:
        """Return (N, M) values k(x, y) of each x with each y."""
        if self.kernels.root:  # a root of rounding errors is far from 0, so distances are not had from inner products
            return self._values(torch.cdist(x_ND, y_MD, compute_mode="donot_use_mm_for_euclid_dist"))
        return self._values(squared_distances(x_ND, y_MD))

    def of_rows(self, x_ND: Tensor, y_ND: Tensor) -> Tensor:
        """Return (N,) values k(x, y) of each x with the y of its row."""
        difference_ND = x_ND - y_ND
        if self.kernels.root:
            return self._values(torch.linalg.vector_norm(difference_ND, dim=1))
        return self._values(difference_ND.square().sum(dim=1))

    def _values(self, distances: Tensor) -> Tensor:
        mean = kernel(distances, self.unit, self.kernels.scales)
        return len(self.kernels.scales) * mean if self.kernels.summed else mean


FIVE = KernelSet((0.25, 0.5, 1.0, 2.0, 4.0), bandwidth)
"""1/4 to 4 times the mean squared distance."""
SUMMED = KernelSet(FIVE.scales, mean_of_all, summed=True)
"""TLlib: sigma^2 = alpha * mean squared distance, alpha = 2^-3 to 2^1, in exp(-d^2 / (2 sigma^2))."""
FIXED = KernelSet(tuple(10.0**-power for power in range(-3, 4)), one, summed=True)
"""DomainBed: exp(-gamma d^2) with gamma = 10^-3 to 10^3."""
SINGLE = KernelSet((1.0,), median_of_source)
"""pytorch-adapt: exp(-d^2 / median)."""
MEDIAN = KernelSet(tuple(2.0 ** (i / 2) for i in range(-16, 17)), median_of_source, root=True, summed=True)
"""SKADA: exp(-d / (s * median distance)) with s = 2^-8 to 2^8 in steps of sqrt 2; d is not squared there."""
