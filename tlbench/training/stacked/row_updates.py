"""The optimisers of `torch.optim` for stacked parameters, whose first dimension is the run: each run has its own settings.

Those of torch take one learning rate for all of a tensor. The arithmetic is theirs, operation by operation; where a setting is 0
an operation that torch leaves out adds an exact 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tlbench.training.settings import OptimConfig

BETAS, EPS = (0.9, 0.999), 1e-8
"""Those of torch, which no config sets."""


class RowUpdates:
    """Updates stacked tensors in place.

    Args:
        optims: one a run, of one kind.
        base: by parameter, (K,) the runs' learning rates before any schedule.
    """

    def __init__(self, optims: Sequence[OptimConfig], base: Mapping[str, Tensor]) -> None:
        self.kind, self.nesterov, self.base = optims[0].kind, optims[0].nesterov, dict(base)
        device = next(iter(base.values())).device
        self.momentum_K, self.decay_K = (
            torch.tensor([getattr(optim, name) for optim in optims], device=device, dtype=torch.float64)
            for name in ("momentum", "weight_decay")
        )
        self.state: dict[str, list[Tensor]] = {}
        self.done = dict.fromkeys(base, 0)

    @torch.no_grad()
    def update(self, parameters: Mapping[str, Tensor], gradients: Mapping[str, Tensor], factor_K: Tensor) -> None:
        """Do a step.

        Args:
            gradients: of those parameters that the loss depends on; the others stay as they are.
            factor_K: of each run's learning rates now, by its schedule.
        """
        for name, gradient in gradients.items():
            self.done[name] += 1
            rate_K = self.base[name] * factor_K
            if self.kind == "sgd":
                self._sgd(name, parameters[name], gradient, rate_K)
            else:
                self._adam(name, parameters[name], gradient, rate_K)

    def _sgd(self, name: str, p: Tensor, g: Tensor, rate_K: Tensor) -> None:
        g = g.addcmul(_rows(self.decay_K, p), p)
        momentum = _rows(self.momentum_K, p)
        (kept,) = self._kept(name, p, 1)
        kept.mul_(momentum).add_(g)
        p.addcmul_(_rows(rate_K, p), g.addcmul(momentum, kept) if self.nesterov else kept, value=-1)

    def _adam(self, name: str, p: Tensor, g: Tensor, rate_K: Tensor) -> None:
        if self.kind == "adamw":
            p.mul_(_rows(1 - rate_K * self.decay_K, p))
        else:
            g = g.addcmul(_rows(self.decay_K, p), p)
        mean, square = self._kept(name, p, 2)
        mean.lerp_(g, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
        unbiased, spread = (1 - beta ** self.done[name] for beta in BETAS)
        p.addcdiv_(_rows(rate_K / unbiased, p) * mean, (square.sqrt() / spread**0.5).add_(EPS), value=-1)

    def _kept(self, name: str, p: Tensor, n: int) -> list[Tensor]:
        if name not in self.state:
            self.state[name] = [torch.zeros_like(p) for _ in range(n)]
        return self.state[name]

    def clear(self, run: int) -> None:
        """Forget what is kept of a run."""
        for kept in self.state.values():
            for tensor in kept:
                tensor[run] = 0


def _rows(values_K: Tensor, like: Tensor) -> Tensor:
    """Return (K, 1, ...) that multiplies each run's part of a stacked tensor."""
    return values_K.to(like.dtype).view(-1, *[1] * (like.ndim - 1))
