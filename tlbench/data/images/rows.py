"""Some of the images of one or more caches, in any order: what a task holds instead of an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tlbench.data.images.augment import Augment
from tlbench.data.images.cache import ImageCache, open_cache
from tlbench.data.images.crops import crops_by_matrices, crops_on_cpu
from tlbench.data.images.draws import Draws
from tlbench.data.images.files import ImageFiles


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
        """Pixels (1, 3, H, W) uint8 of each, views where they are kept raw."""
        return [self.caches[c].image(r) for c, r in zip(self.cache_N.tolist(), self.row_N.tolist(), strict=True)]

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
    """Images on their way to the network. `.to(device)` moves the pixels, `finished` does the rest where they are."""

    pixels: list[Tensor] | Tensor
    draws: Draws
    augment: Augment

    def gathered(self, *, pinned: bool) -> ImageBatch:
        """The pixels as one tensor (B, H, W, 3), smaller images padded at the right and below, for a device."""
        assert isinstance(self.pixels, list)
        height, width = (max(int(image.shape[axis]) for image in self.pixels) for axis in (2, 3))
        whole = torch.empty(len(self.pixels), height, width, 3, dtype=torch.uint8, pin_memory=pinned)
        for place, image in zip(whole, self.pixels, strict=True):
            place[: image.shape[2], : image.shape[3]] = image[0].permute(1, 2, 0)
        return ImageBatch(whole, self.draws, self.augment)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ImageBatch:
        """Nothing on a processor, where crops are views; else the pixels on the device."""
        if torch.device(device).type == "cpu":
            return self
        whole = self if isinstance(self.pixels, Tensor) else self.gathered(pinned=False)
        assert isinstance(whole.pixels, Tensor)
        return ImageBatch(whole.pixels.to(device, non_blocking=non_blocking), self.draws, self.augment)

    def finished(self) -> Tensor:
        """(B, 3, S, S) float32, channels last, cropped, changed and normalised."""
        size, augment, draws = self.augment.size, self.augment, self.draws
        if isinstance(self.pixels, list) and not augment.changes_colour:
            rows = tuple(part.repeat(size) for part in augment.normalisation(255.0))
            return crops_on_cpu(self.pixels, draws.boxes, draws.flips, size, (rows[0], rows[1])).permute(0, 3, 1, 2)
        if isinstance(self.pixels, list):
            x = crops_on_cpu(self.pixels, draws.boxes, draws.flips, size).permute(0, 3, 1, 2)
        else:
            x = crops_by_matrices(self.pixels, draws.boxes, draws.flips, size)
        top = 1.0 if augment.changes_colour else 255.0
        if augment.changes_colour:
            x = augment.coloured(x, draws)
        scale, shift = augment.normalisation(top, x.device)
        x = x.to(memory_format=torch.channels_last)
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])
