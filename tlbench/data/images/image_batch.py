"""Images of a batch on their way to the network: views that are cropped on a processor, or one block on a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tlbench.data.images.crops import crops_by_matrices, crops_on_cpu
from tlbench.data.images.draws import Draws, whole_boxes
from tlbench.data.inputs import LazyBatch

if TYPE_CHECKING:
    from tlbench.data.images.augment import Augment

MOST_PADDING = 3
"""Times the pixels of a batch that its padded block may hold."""


@dataclass(frozen=True)
class ImageViews(LazyBatch):
    """A view (1, 3, H, W) uint8 of each image, where it is kept. Nothing moves to a processor, where crops are views."""

    pixels: list[Tensor]
    draws: Draws
    augment: Augment

    def gathered(self, *, pinned: bool) -> ImageBlock:
        """Copy the pixels into one block, smaller images padded at the right and below.

        Where padding would be most of it, crops are taken first.
        """
        pixels, draws = self.pixels, self.draws
        height, width = (max((int(image.shape[axis]) for image in pixels), default=1) for axis in (2, 3))
        if height * width * len(pixels) > MOST_PADDING * sum(image.shape[2] * image.shape[3] for image in pixels):
            height = width = self.augment.size
            crops = crops_on_cpu(pixels, draws.boxes, draws.flips, height)
            pixels = [crop[None].permute(0, 3, 1, 2) for crop in crops]
            whole, unflipped = whole_boxes(np.full((len(pixels), 2), height)), np.zeros_like(draws.flips)
            draws = replace(draws, boxes=whole, flips=unflipped)
        block = torch.empty(len(pixels), height, width, 3, dtype=torch.uint8, pin_memory=pinned)
        for place, image in zip(block, pixels, strict=True):
            place[: image.shape[2], : image.shape[3]] = image[0].permute(1, 2, 0)
        given = {"boxes": draws.boxes, "flips": draws.flips, "jitter": draws.jitter, "grey": draws.grey}
        numbers = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in given.items() if a is not None}
        if pinned:
            numbers = {name: tensor.pin_memory() for name, tensor in numbers.items()}
        return ImageBlock(block, numbers, draws, self.augment)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LazyBatch:
        if torch.device(device).type == "cpu":
            return self
        return self.gathered(pinned=False).to(device, non_blocking)

    def finished(self) -> Tensor:
        """Return (B, 3, S, S) float32, channels last, cropped, changed and normalised."""
        size, augment, draws = self.augment.size, self.augment, self.draws
        if not augment.changes_colour:
            scale, shift = (part.repeat(size) for part in augment.normalisation(255.0, torch.device("cpu")))
            return crops_on_cpu(self.pixels, draws.boxes, draws.flips, size, (scale, shift)).permute(0, 3, 1, 2)
        x = crops_on_cpu(self.pixels, draws.boxes, draws.flips, size).permute(0, 3, 1, 2)
        given = {"jitter": draws.jitter, "grey": draws.grey}
        return _normalised(x, {name: torch.from_numpy(a) for name, a in given.items() if a is not None}, draws, augment)


@dataclass(frozen=True)
class ImageBlock(LazyBatch):
    """The pixels of a batch as one tensor (B, H, W, 3) uint8.

    Attributes:
        numbers: boxes, flips, jitter and grey as tensors beside the pixels.
    """

    pixels: Tensor
    numbers: Mapping[str, Tensor]
    draws: Draws
    augment: Augment

    def gathered(self, *, pinned: bool) -> ImageBlock:
        return self

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ImageBlock:
        """Move pixels and numbers. Pinned ones are copied while the device computes, whatever `non_blocking` says: Lightning does
        not say it."""
        ahead = non_blocking or self.pixels.is_pinned()
        numbers = {name: tensor.to(device, non_blocking=ahead) for name, tensor in self.numbers.items()}
        return replace(self, pixels=self.pixels.to(device, non_blocking=ahead), numbers=numbers)

    def finished(self) -> Tensor:
        """Return (B, 3, S, S) float32, channels last, cropped, changed and normalised."""
        x = crops_by_matrices(self.pixels, self.numbers["boxes"], self.numbers["flips"], self.augment.size)
        return _normalised(x, self.numbers, self.draws, self.augment)


def _normalised(x_B3SS: Tensor, numbers: Mapping[str, Tensor], draws: Draws, augment: Augment) -> Tensor:
    if augment.changes_colour:
        jitter = numbers["jitter"].float() if "jitter" in numbers else None
        x_B3SS = augment.coloured(x_B3SS, draws, jitter, numbers.get("grey"))
    scale, shift = augment.normalisation(1.0 if augment.changes_colour else 255.0, x_B3SS.device)
    x_B3SS = x_B3SS.to(memory_format=torch.channels_last)
    return torch.addcmul(shift[:, None, None], x_B3SS, scale[:, None, None])
