"""Snow, frost, fog.

All take pixels (H, W, 3) uint8 and a generator, and return (H, W, 3) uint8; lengths are in pixels.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from scipy import ndimage

from tlbench.data.images.corruptions.blur import dragged
from tlbench.data.images.corruptions.crystals import frost_on_glass
from tlbench.data.images.corruptions.pixel_values import as_bytes, unit
from tlbench.data.images.corruptions.plasma import plasma

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Of red, green and blue in grey (ITU-R BT.601)."""


def snow(
    pixels: np.ndarray, rng: np.random.Generator, mean: float, sd: float, size: float, least: float,
    radius: float, sigma: float, colour: float,
) -> np.ndarray:  # fmt: skip
    """Whiten the image and lay flakes over it that fall, and the same ones turned by 180 degrees.

    Args:
        mean, sd: of the normal numbers whose values of `least` and above are flakes.
        size: of a flake.
        radius, sigma: of its trail, see `dragged`; the direction is at most 45 degrees from the vertical.
        colour: share of the image that is not whitened.
    """
    x, (height, width), size = unit(pixels), pixels.shape[:2], max(1.0, size)
    coarse = rng.normal(mean, sd, (ceil(height / size), ceil(width / size))).astype(np.float32)
    layer = ndimage.zoom(coarse, size, order=1)[:height, :width]
    layer = np.where(layer < least, 0.0, layer.clip(0.0, 1.0)).astype(np.float32)[..., None]
    layer = dragged(layer, radius, sigma, float(rng.uniform(-135, -45)))
    whiter = np.maximum(x, 1.5 * (x @ LUMA)[..., None] + 0.5)
    return as_bytes(colour * x + (1 - colour) * whiter + layer + layer[::-1, ::-1])


def frost(pixels: np.ndarray, rng: np.random.Generator, image: float, ice: float) -> np.ndarray:
    """Lay frost crystals over the image: `image` * x + `ice` * crystals."""
    height, width = pixels.shape[:2]
    return as_bytes(image * unit(pixels) + ice * frost_on_glass(height, width, rng))


def fog(pixels: np.ndarray, rng: np.random.Generator, depth: float, decay: float) -> np.ndarray:
    """Add `depth` times a cloud in [0, 1] and bring the brightest number back to where it was."""
    x, (height, width) = unit(pixels), pixels.shape[:2]
    top = float(x.max())
    cloud = plasma(height, width, decay, rng).astype(np.float32)[..., None]
    return as_bytes((x + depth * cloud) * (top / (top + depth) if top + depth > 0 else 0.0))
