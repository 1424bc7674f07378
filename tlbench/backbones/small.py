"""Backbones that a laptop trains: the features as given, a perceptron, a small convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from tlbench.errors import TlbenchError


class Identity(nn.Flatten):
    """The features as given, flattened: (B, ...) to (B, D)."""

    def __init__(self, *, input_shape: Sequence[int]) -> None:
        super().__init__()
        self.out_dim = int(np.prod(input_shape))


class MLP(nn.Sequential):
    """Fully connected layers with ReLU: (B, ...) to (B, hidden[-1]).

    Args:
        hidden: width of each layer, at least one.
    """

    def __init__(self, *, input_shape: Sequence[int], hidden: Sequence[int]) -> None:
        if not hidden or min(hidden) < 1:
            raise TlbenchError(f"backbone.hidden needs one or more widths of at least 1, got {list(hidden)}.")
        layers: list[nn.Module] = [nn.Flatten()]
        for wide, narrow in pairwise([int(np.prod(input_shape)), *hidden]):
            layers += [nn.Linear(wide, narrow), nn.ReLU()]
        super().__init__(*layers)
        self.out_dim = int(hidden[-1])


class LeNet(nn.Module):
    """Two 3x3 convolutions with max pooling, in the manner of LeNet: (B, C, H, W) to (B, 2 * width * H/4 * W/4).

    No batch norm, no dropout: a batch's outputs do not depend on the other domain's batch.
    """

    def __init__(self, *, input_shape: Sequence[int], width: int) -> None:
        super().__init__()
        if width < 1:
            raise TlbenchError(f"backbone.width must be 1 or more, got {width}.")
        if len(input_shape) != 3 or min(input_shape[1:]) < 4:
            raise TlbenchError(
                f"backbone=lenet needs images (channels, height, width) of 4 pixels or more, but the data set's "
                f"examples have shape {tuple(input_shape)}. Use backbone=mlp or backbone=identity."
            )
        channels, height, side = input_shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.out_dim = 2 * width * (height // 4) * (side // 4)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        # channels last, and pooling before ReLU (the two commute): the same numbers in about half the time on a processor
        return self.layers(x_BCHW.contiguous(memory_format=torch.channels_last))
