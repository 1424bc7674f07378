"""How one training step may be more than one update: phases that train some weights each, and a climb before the last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Terms = dict[str, Tensor]
TINY = 1e-12
"""Added to the length of a gradient."""


@dataclass(frozen=True)
class Phase:
    """One update within a step, on the step's batch.

    Attributes:
        terms: worked out when the phase's turn comes: the phases before it have moved the weights.
        trains: parameters that it moves; None for all. No other moves by a bit, nor does its momentum.
    """

    terms: Callable[[], Terms]
    trains: Sequence[nn.Parameter] | None = None


@dataclass(frozen=True)
class Ascent:
    """A climb before the last phase of a step: its gradient is taken where this loss is higher (SAM).

    Source: Foret et al., ICLR 2021, arXiv:2010.01412, eq. 2; adaptive: Kwon et al., ICML 2021, arXiv:2102.11600, eq. 8.

    Attributes:
        loss: what is climbed.
        moves: parameters that climb; no other moves.
        rho: length of the climb, >= 0, over all parameters together; at 0 nothing is worked out.
        adaptive: each parameter climbs in proportion to its size: rho theta^2 g over the length of abs(theta) g.
    """

    loss: Callable[[], Tensor]
    moves: Sequence[nn.Parameter]
    rho: float
    adaptive: bool = False


def gradients(total: Tensor, parameters: Iterable[nn.Parameter]) -> list[tuple[nn.Parameter, Tensor]]:
    """Return each parameter that is trained and that a scalar depends on, with its gradient."""
    trained = [p for p in parameters if p.requires_grad]
    found = torch.autograd.grad(total, trained, allow_unused=True)
    return [(p, g) for p, g in zip(trained, found, strict=True) if g is not None]


@torch.no_grad()
def climb(found: Sequence[tuple[nn.Parameter, Tensor]], ascent: Ascent) -> list[tuple[nn.Parameter, Tensor]]:
    """Move parameters along their gradients by `ascent.rho` in all; return each with its value before."""
    scaled = [p.abs() * g if ascent.adaptive else g for p, g in found]
    length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in scaled])) + TINY
    before = [(p, p.detach().clone()) for p, _ in found]
    for p, g in found:
        p.add_((p.square() * g if ascent.adaptive else g) * (ascent.rho / length))
    return before


@contextmanager
def still_statistics(module: nn.Module) -> Iterator[None]:
    """Normalise by the batch's statistics, as training does, and leave the running ones as they are."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats and m.training]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@contextmanager
def without_chance(module: nn.Module) -> Iterator[None]:
    """Let nothing be dropped, as in a test, while batch norms normalise as they do in training."""
    lax = [m for m in module.modules() if m.training and not isinstance(m, _BatchNorm)]
    for part in lax:
        part.training = False
    try:
        yield
    finally:
        for part in lax:
            part.training = True


@torch.no_grad()
def descend(before: Iterable[tuple[nn.Parameter, Tensor]]) -> None:
    """Put parameters back to the bit."""
    for parameter, value in before:
        parameter.copy_(value)
