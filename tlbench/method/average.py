"""A moving average of a network's weights: a teacher."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Generic, TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class Average(nn.Module, Generic[M]):
    """A copy of a module that follows it, a <- decay a + (1 - decay) w, without a gradient.

    Floating buffers (the statistics of batch norms) are averaged as the weights are; counters are copied. It is a module, so that
    a run that is interrupted keeps it.

    Args:
        module: what is followed; the copy starts as it is now.
    """

    module: M

    def __init__(self, module: M) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def follow(self, module: M, decay: float) -> None:
        """Take one step after the module; at decay 0 it becomes the module, at 1 it stays."""
        theirs = module.state_dict()
        for name, mine in self.module.state_dict().items():
            if _is_alias(name, theirs):
                continue
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1.0 - decay)
            else:
                mine.copy_(theirs[name])


def early_decay(decay: float, done: int) -> float:
    """Return min(1 - 1 / (done + 1), decay), after `done` >= 1 updates of what is followed.

    The average is the plain mean of all weights so far, the first included, until that is as slow as `decay`.
    """
    return min(1.0 - 1.0 / (done + 1), decay)


def _is_alias(name: str, state: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether a batch norm's statistics are, under this name, those of whichever domain was last seen (`per_domain`)."""
    place, _, leaf = name.rpartition(".")
    return f"{place}.source_{leaf}" in state
