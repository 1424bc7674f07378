"""Some of the images of one or more caches, in any order: what a task holds instead of an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tlbench.data.images.cache import ImageCache, open_cache
from tlbench.data.images.crops import crops_by_matrices, crops_on_cpu
from tlbench.data.images.draws import Draws, whole_boxes
from tlbench.data.images.threads import shared_pool

if TYPE_CHECKING:
    from tlbench.data.images.augment import Augment
    from tlbench.data.images.image_files import ImageFiles

MOST_PADDING = 3
"""Times the pixels of a batch that its padded tensor may hold."""


@dataclass(frozen=True)
class ImageRows:
    """N images, not loaded; indexing gives some of them, in the manner of an array.

    Attributes:
        caches: where their pixels are.
        cache_N, row_N: cache and row of each image.
        augment: what is done to them.
    """

    caches: tuple[ImageCache, ...]
    cache_N: np.ndarray
    row_N: np.ndarray
    augment: Augment

    @classmethod
    def of(cls, cache: ImageCache, augment: Augment) -> ImageRows:
        """All images of one cache."""
        return cls((cache,), np.zeros(len(cache), dtype=np.int64), np.arange(len(cache)), augment)

    @classmethod
    def stacked(cls, blocks: Sequence[ImageRows]) -> ImageRows:
        """The images of all blocks one after the other."""
        caches = tuple(cache for block in blocks for cache in block.caches)
        starts = np.cumsum([0, *(len(block.caches) for block in blocks)])
        numbers = np.concatenate([b.cache_N + start for b, start in zip(blocks, starts, strict=False)])
        return cls(caches, numbers, np.concatenate([block.row_N for block in blocks]), blocks[0].augment)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.row_N), *self.augment.input_shape)

    def __len__(self) -> int:
        return len(self.row_N)

    def __getitem__(self, rows: slice | np.ndarray) -> ImageRows:
        return ImageRows(self.caches, self.cache_N[rows], self.row_N[rows], self.augment)

    @property
    def sizes(self) -> np.ndarray:
        """(N, 2) height and width as kept."""
        found = np.empty((len(self), 2), dtype=np.int64)
        for number, cache in enumerate(self.caches):
            mine = self.cache_N == number
            entries = cache.index[self.row_N[mine]]
            found[mine] = np.stack([entries["height"], entries["width"]], axis=1)
        return found

    def images(self) -> list[Tensor]:
        """Pixels (1, 3, H, W) uint8 of each, views where they are kept raw; JPEG records are decoded side by side."""
        pairs = list(zip(self.cache_N.tolist(), self.row_N.tolist(), strict=True))
        threads = torch.get_num_threads()
        if threads > 1 and any(self.caches[c].jpeg for c in {c for c, _ in pairs}):
            return list(shared_pool(threads).map(lambda pair: self.caches[pair[0]].image(pair[1]), pairs))
        return [self.caches[c].image(r) for c, r in pairs]

    def plain(self) -> ImageBatch:
        """As the test sees them."""
        return ImageBatch(self.images(), self.augment.plain(self.sizes), self.augment)

    def drawn(self, rng: np.random.Generator, part: slice = slice(None)) -> ImageBatch:
        """As training sees them; `part`: of the drawn batch, the images of one device."""
        drawn = self.augment.drawn(self.sizes, rng)
        return ImageBatch(self[part].images(), drawn.take(part), self.augment)


def in_cache(images: ImageFiles, augment: Augment, what: str) -> ImageRows:
    """The images in use, decoded: from their domain's cache, which is made now where there is none."""
    return ImageRows.of(open_cache(images, augment.storage, what), augment)[images.kept]


@dataclass
class ImageBatch:
    """Images on their way to the network. `.to(device)` moves the pixels, `finished` does the rest where they are.

    Attributes:
        pixels: a view (1, 3, H, W) of each image, or, gathered for a device, (B, H, W, 3).
        numbers: boxes, flips, jitter and grey as tensors beside gathered pixels.
    """

    pixels: list[Tensor] | Tensor
    draws: Draws
    augment: Augment
    numbers: dict[str, Tensor] | None = None

    def gathered(self, *, pinned: bool) -> ImageBatch:
        """The pixels as one tensor (B, H, W, 3), smaller images padded at the right and below, for a device.

        Where padding would be most of it, crops are taken first. `pinned`: in page-locked memory, from which a GPU copies
        while it computes.
        """
        assert isinstance(self.pixels, list)
        pixels, draws = self.pixels, self.draws
        height, width = (max((int(image.shape[axis]) for image in pixels), default=1) for axis in (2, 3))
        if height * width * len(pixels) > MOST_PADDING * sum(image.shape[2] * image.shape[3] for image in pixels):
            height = width = self.augment.size
            crops = crops_on_cpu(pixels, draws.boxes, draws.flips, height)
            pixels = [crop[None].permute(0, 3, 1, 2) for crop in crops]
            draws = replace(
                draws, boxes=whole_boxes(np.full((len(pixels), 2), height)), flips=np.zeros_like(draws.flips)
            )
        whole = torch.empty(len(pixels), height, width, 3, dtype=torch.uint8, pin_memory=pinned)
        for place, image in zip(whole, pixels, strict=True):
            place[: image.shape[2], : image.shape[3]] = image[0].permute(1, 2, 0)
        given = {"boxes": draws.boxes, "flips": draws.flips, "jitter": draws.jitter, "grey": draws.grey}
        numbers = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in given.items() if a is not None}
        if pinned:
            numbers = {name: tensor.pin_memory() for name, tensor in numbers.items()}
        return ImageBatch(whole, draws, self.augment, numbers)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ImageBatch:
        """Nothing on a processor, where crops are views; else pixels and numbers on the device.

        Pinned ones are copied while the device computes, whatever `non_blocking` says: Lightning does not say it.
        """
        if torch.device(device).type == "cpu":
            return self
        batch = self if isinstance(self.pixels, Tensor) else self.gathered(pinned=False)
        assert isinstance(batch.pixels, Tensor)
        assert batch.numbers is not None
        ahead = non_blocking or batch.pixels.is_pinned()
        numbers = {name: tensor.to(device, non_blocking=ahead) for name, tensor in batch.numbers.items()}
        return ImageBatch(batch.pixels.to(device, non_blocking=ahead), batch.draws, self.augment, numbers)

    def finished(self) -> Tensor:
        """(B, 3, S, S) float32, channels last, cropped, changed and normalised."""
        size, augment, draws = self.augment.size, self.augment, self.draws
        if isinstance(self.pixels, list) and not augment.changes_colour:
            scale, shift = (part.repeat(size) for part in augment.normalisation(255.0, torch.device("cpu")))
            return crops_on_cpu(self.pixels, draws.boxes, draws.flips, size, (scale, shift)).permute(0, 3, 1, 2)
        if isinstance(self.pixels, list):
            x = crops_on_cpu(self.pixels, draws.boxes, draws.flips, size).permute(0, 3, 1, 2)
            given = {"jitter": draws.jitter, "grey": draws.grey}
            numbers = {name: torch.from_numpy(a) for name, a in given.items() if a is not None}
        else:
            assert self.numbers is not None
            numbers = self.numbers
            x = crops_by_matrices(self.pixels, numbers["boxes"], numbers["flips"], size)
        if augment.changes_colour:
            jitter = numbers["jitter"].float() if "jitter" in numbers else None
            x = augment.coloured(x, draws, jitter, numbers.get("grey"))
        scale, shift = augment.normalisation(1.0 if augment.changes_colour else 255.0, x.device)
        x = x.to(memory_format=torch.channels_last)
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])
