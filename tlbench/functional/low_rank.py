"""A change of low rank beside a layer that stays as it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def takes_low_rank(layer: nn.Module) -> bool:
    """Tell whether a layer is a plain linear one or convolution: subclasses may work otherwise, and groups share nothing."""
    return type(layer) is nn.Linear or (type(layer) is nn.Conv2d and layer.groups == 1)


class LowRank(nn.Module):
    """Makes a layer's weight W + scale B A, without a change of W (Hu et al., ICLR 2022, arXiv:2106.09685).

    Of a convolution, A is a convolution to `rank` channels, of the layer's own kernel, and B one of kernel 1 from these.

    Args:
        layer: which `takes_low_rank`; from now on its outputs are those of the changed weight.
        rank: r >= 1.
        scale: alpha / r.

    Attributes:
        down: A, drawn as the weights of a linear layer are. up: B, 0 at first, so that nothing is changed yet.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, *, rank: int, scale: float) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, *layer.weight.shape[1:]))
        self.up = nn.Parameter(torch.zeros(layer.weight.shape[0], rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.scale = scale
        layer.register_forward_hook(self.added)

    def change(self) -> Tensor:
        """Return scale B A in the shape of the layer's weight, to be added to it."""
        return self.scale * (self.up @ self.down.flatten(1)).unflatten(1, self.down.shape[1:])

    def added(self, layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Return a layer's output with that of the change: the hook."""
        x = given[0]
        if isinstance(layer, nn.Conv2d):
            more = F.conv2d(layer._conv_forward(x, self.down, None), self.up[:, :, None, None])
        else:
            more = F.linear(F.linear(x, self.down), self.up)
        return output + self.scale * more
