"""What chance decides about each image of a batch, drawn before any pixel is touched: the same on every device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

BILINEAR: Literal["bilinear"] = "bilinear"
"""How images are resized where a config does not say; keys of caches and of runs do not name it."""


@dataclass(frozen=True)
class Draws:
    """One row an image.

    Attributes:
        boxes: (B, 4) integers, the crop of each image: top, left, height, width.
        flips: (B,) mirrored left to right.
        jitter: (B, 4) factors of brightness, contrast and saturation, shift of hue in turns; None without jitter.
        order: the order in which the four are applied in this batch.
        grey: (B,) made grey.
        ops: (B, n) numbers of the RandAugment operations; None without.
        signs: (B, n) their signs.
    """

    boxes: np.ndarray
    flips: np.ndarray
    jitter: np.ndarray | None = None
    order: tuple[int, ...] = (0, 1, 2, 3)
    grey: np.ndarray | None = None
    ops: np.ndarray | None = None
    signs: np.ndarray | None = None

    def take(self, rows: slice) -> Draws:
        """Return the draws of some of the images."""

        def some(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[rows]

        return Draws(
            self.boxes[rows],
            self.flips[rows],
            some(self.jitter),
            self.order,
            some(self.grey),
            some(self.ops),
            some(self.signs),
        )


def random_resized_boxes(
    sizes_B2: np.ndarray, scale: Sequence[float], ratio: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Draw crops of random area and aspect ratio, (B, 4): the law of Inception's crop as torchvision has it.

    Area uniform in `scale` of the image's, log ratio uniform in `ratio`; ten tries to fit into the image, then the largest
    central crop with an allowed ratio.

    Args:
        sizes_B2: height and width of each image.
    """
    tries = 10
    n = len(sizes_B2)
    height_B1, width_B1 = sizes_B2[:, :1], sizes_B2[:, 1:]
    area_BT = height_B1 * width_B1 * rng.uniform(scale[0], scale[1], (n, tries))
    ratio_BT = np.exp(rng.uniform(np.log(ratio[0]), np.log(ratio[1]), (n, tries)))
    w_BT = np.rint(np.sqrt(area_BT * ratio_BT)).astype(np.int64)
    h_BT = np.rint(np.sqrt(area_BT / ratio_BT)).astype(np.int64)
    fits_BT = (w_BT > 0) & (w_BT <= width_B1) & (h_BT > 0) & (h_BT <= height_B1)
    first_B = fits_BT.argmax(axis=1)
    rows = np.arange(n)
    h_B, w_B = h_BT[rows, first_B], w_BT[rows, first_B]
    corner_B2 = rng.random((n, 2))
    top_B = (corner_B2[:, 0] * (sizes_B2[:, 0] - h_B + 1)).astype(np.int64)
    left_B = (corner_B2[:, 1] * (sizes_B2[:, 1] - w_B + 1)).astype(np.int64)
    boxes_B4 = np.stack([top_B, left_B, h_B, w_B], axis=1)
    for i in np.flatnonzero(~fits_BT.any(axis=1)):
        height, width = (int(v) for v in sizes_B2[i])
        w = min(width, round(height * ratio[1])) if width / height > ratio[1] else width
        h = min(height, round(width / ratio[0])) if width / height < ratio[0] else height
        boxes_B4[i] = ((height - h) // 2, (width - w) // 2, h, w)
    return boxes_B4


def random_boxes(sizes_B2: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw crops of size x size anywhere in each image, (B, 4)."""
    corner_B2 = (rng.random((len(sizes_B2), 2)) * (sizes_B2 - size + 1)).astype(np.int64)
    return np.concatenate([corner_B2, np.full_like(corner_B2, size)], axis=1)


def centre_boxes(sizes_B2: np.ndarray, size: int) -> np.ndarray:
    """Return the central size x size of each image, (B, 4), rounded as torchvision does."""
    corner_B2 = np.rint((sizes_B2 - size) / 2).astype(np.int64)
    return np.concatenate([corner_B2, np.full_like(corner_B2, size)], axis=1)


def whole_boxes(sizes_B2: np.ndarray) -> np.ndarray:
    """Return each image whole, (B, 4)."""
    return np.concatenate([np.zeros_like(sizes_B2), sizes_B2], axis=1)
