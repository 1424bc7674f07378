"""Online methods that move scale and shift of norm layers by the entropy of what comes: Tent, and what is built on it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tlbench.functional.batch_norms import batch_norms, norm_layers, use_batch_statistics
from tlbench.method.checks import above_zero, between, one_of
from tlbench.method.online import OnlineMethod, needed

OPTIMISERS = ("adam", "sgd")


class EntropyStream(OnlineMethod):
    """Base of such methods.

    Args:
        lr: rate, the same for the whole stream, > 0.
        optimiser: `adam` (beta 0.9, 0.999) or `sgd`, both without weight decay.
        momentum: of sgd, in [0, 1].
        layers: `all` norm layers, or `batchnorm` alone.
    """

    family = "self-training"
    draws = False

    def __init__(self, *, lr: float, optimiser: str, momentum: float, layers: str, **base: Any) -> None:
        super().__init__(**base)
        above_zero(lr=lr)
        one_of(OPTIMISERS, optimiser=optimiser)
        between(0, 1, momentum=momentum)
        one_of(("all", "batchnorm"), layers=layers)
        self.lr, self.optimiser, self.momentum, self.layers = lr, optimiser, momentum, layers

    def configure(self) -> None:
        self.network.requires_grad_(False)
        for norm in batch_norms(self.network):
            use_batch_statistics(norm)
        trained = needed(self.trained_layers(), type(self).__name__.lower(), f"norm layers ({self.layers})")
        self.moved = [p for layer in trained for p in layer.parameters()]
        for parameter in self.moved:
            parameter.requires_grad_(True)
        self.optimizer = self._made()

    def trained_layers(self) -> list[nn.Module]:
        """Return the layers whose scale and shift move."""
        return norm_layers(self.network, self.layers)

    def _made(self) -> torch.optim.Optimizer:
        if self.optimiser == "sgd":
            return torch.optim.SGD(self.moved, lr=self.lr, momentum=self.momentum)
        return torch.optim.Adam(self.moved, lr=self.lr)

    def reset(self) -> None:
        super().reset()
        self.optimizer = self._made()
