"""Losses as tlbench has them, and the few changes that make them a peer's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from batch import Batch, C, D
from torch import Tensor
from torch.nn import functional as F

from baselines.cdan import Cdan
from baselines.dann import Dann
from baselines.jan import joint_kernel
from tlbench.functional.kernels import KernelSet, bandwidth, squared_distances
from tlbench.functional.mmd_estimates import ESTIMATORS
from tlbench.method import GradientMethod, SourceOutput, TargetOutput

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)


def total(method: GradientMethod, batch: Batch) -> Tensor:
    return torch.stack(list(method.adaptation_terms(batch.source, batch.target).values())).sum()


def dann(batch: Batch, *, progress: float = 0.0, steps: int = 1, **more: Any) -> Tensor:
    settings = {"variant": "constant", "weight": 1.0, "gamma": 10.0, "hidden": 5} | more
    method = Dann(network=batch.network(), **settings)
    method.discriminator, method.progress, method.steps = batch.critic(D), progress, steps
    return total(method, batch)


def cdan(
    batch: Batch, *, own: bool = False, maps: tuple[Tensor, Tensor] | None = None, entropy: bool = False
) -> Tensor:
    """At strength 1 of the reversal: gamma is so high that progress 1 has it to the bit.

    Args:
        own: logits are those of the batch's network.
    """
    width = None if maps is None else maps[0].shape[1]
    method = Cdan(network=batch.network(), weight=1.0, gamma=1e3, hidden=5, entropy=entropy, randomised=width)
    method.discriminator, method.progress = batch.critic(width or D * C), 1.0
    if method.maps is not None and maps is not None:
        method.maps.map_DK, method.maps.map_CK = maps
    if own:
        last = batch.network().head.last
        source = SourceOutput(batch.xs, last(batch.xs), batch.labels)
        return method.adaptation_terms(source, TargetOutput(batch.xt, last(batch.xt)))["domain"]
    return total(method, batch)


def random_maps(width: int = 16) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(5)
    return torch.randn(D, width, generator=draws), torch.randn(C, width, generator=draws)


def mmd(batch: Batch, kernels: KernelSet, estimator: str) -> Tensor:
    return ESTIMATORS[estimator](kernels.at(batch.xs, batch.xt), batch.xs, batch.xt)


def both(batch: Batch) -> tuple[Tensor, Tensor]:
    """Softmax of source and target logits."""
    return batch.zs.softmax(dim=1), batch.zt.softmax(dim=1)


def entropies(p: Tensor, inside: float) -> Tensor:
    """Entropies of rows with a constant added in the logarithm."""
    return -(p * (p + inside).log()).sum(dim=1)


def confusion(logits: Tensor, temperature: float, inside: float, *, through: bool = False) -> Tensor:
    """MCC with a constant in the logarithm of its weights; `through`: their gradient counts."""
    p = (logits / temperature).softmax(dim=1)
    weight = 1 + (-entropies(p if through else p.detach(), inside)).exp()
    table = (weight[:, None] * p).T @ p
    return 1 - (table.diagonal() / table.sum(dim=1)).mean()


def joint_pairs(batch: Batch, sigma: float, scales: Sequence[float], *, halves: bool = False) -> Tensor:
    """JMMD over the pairs of neighbours, the last with the first, as TLlib's linear estimate has them; or of i, i + n / 2."""
    (ps, pt), width = both(batch), bandwidth(batch.xs, batch.xt)
    s, t = (batch.xs, ps), (batch.xt, pt)

    def k(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        far = [(a - b).square().sum(dim=1) for a, b in zip(one, other, strict=True)]
        return joint_kernel(far[0], far[1], width, scales, sigma)

    by = len(batch.xs) // 2 if halves else 1
    s2, t2 = ([x.roll(-by, 0) for x in layers] for layers in (s, t))
    if halves:
        s, t, s2, t2 = ([x[:by] for x in layers] for layers in (s, t, s2, t2))
    return (k(s, s2) + k(t, t2) - k(s, t2) - k(s2, t)).mean()


def shrunk(batch: Batch) -> list[float]:
    """Scales whose unit is the mean over all n^2 pairs, in units of ours over n (n - 1)."""
    n = len(batch.xs) + len(batch.xt)
    return [scale * (n - 1) / n for scale in SCALES]


def squared_median(x: Tensor) -> float:
    return squared_distances(x.detach(), x.detach()).median().item()


def cross_entropy(batch: Batch, logits: Tensor) -> Tensor:
    return F.cross_entropy(logits, batch.labels)
