"""Noise: each number of each pixel is drawn by itself.

All take pixels (H, W, 3) uint8 and a generator, and return (H, W, 3) uint8.
"""

from __future__ import annotations

import numpy as np

from tlbench.data.images.corruptions.pixel_values import as_bytes, unit


def gaussian_noise(pixels: np.ndarray, rng: np.random.Generator, sd: float) -> np.ndarray:
    """Add normal noise of this standard deviation, in shares of white; cut off at black and white."""
    return as_bytes(unit(pixels) + np.float32(sd) * rng.standard_normal(pixels.shape, dtype=np.float32))


def shot_noise(pixels: np.ndarray, rng: np.random.Generator, photons: float) -> np.ndarray:
    """Count photons (Poisson) of which white has `photons` on average: the variance is x / photons."""
    return as_bytes(rng.poisson(unit(pixels) * photons) / photons)


def impulse_noise(pixels: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Put this share of the numbers to 0 or to 255, either as often."""
    drawn = rng.random(pixels.shape, dtype=np.float32)
    return np.where(drawn < share, np.where(drawn < share / 2, 0, 255), pixels).astype(np.uint8)
