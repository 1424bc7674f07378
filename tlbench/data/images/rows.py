"""Some of the images of one or more caches, in any order: what a task holds instead of an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tlbench.data.images.cache import ImageCache, open_cache
from tlbench.data.images.image_batch import ImageViews
from tlbench.data.images.threads import shared_pool
from tlbench.data.inputs import LazyInputs

if TYPE_CHECKING:
    from tlbench.data.images.augment import Augment
    from tlbench.data.images.image_files import ImageFiles


@dataclass(frozen=True)
class ImageRows(LazyInputs):
    """N images in caches.

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
        """Take all images of one cache."""
        return cls((cache,), np.zeros(len(cache), dtype=np.int64), np.arange(len(cache)), augment)

    @classmethod
    def stacked(cls, blocks: Sequence[ImageRows]) -> ImageRows:
        """Put the images of all blocks one after the other."""
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
        """Return pixels (1, 3, H, W) uint8 of each, views where they are kept raw; JPEG records are decoded side by side."""
        pairs = list(zip(self.cache_N.tolist(), self.row_N.tolist(), strict=True))
        threads = torch.get_num_threads()
        if threads > 1 and any(self.caches[c].jpeg for c in {c for c, _ in pairs}):
            return list(shared_pool(threads).map(lambda pair: self.caches[pair[0]].image(pair[1]), pairs))
        return [self.caches[c].image(r) for c, r in pairs]

    def plain(self) -> ImageViews:
        """Read all of them as the test sees them."""
        return ImageViews(self.images(), self.augment.plain(self.sizes), self.augment)

    def viewed(self, view: str) -> ImageRows:
        """Return the same images; as `strong` they are changed by RandAugment besides."""
        return replace(self, augment=self.augment.stronger) if view == "strong" else self

    def drawn(self, rng: np.random.Generator, part: slice = slice(None)) -> ImageViews:
        """Read them as training sees them; `part`: of the drawn batch, the images of one device."""
        drawn = self.augment.drawn(self.sizes, rng)
        return ImageViews(self[part].images(), drawn.take(part), self.augment)


def in_cache(images: ImageFiles, augment: Augment, what: str) -> ImageRows:
    """Return the images in use, decoded: from their domain's cache, which is made now where there is none."""
    return ImageRows.of(open_cache(images, augment.storage, what), augment)[images.kept]
