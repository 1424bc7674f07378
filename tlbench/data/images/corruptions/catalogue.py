"""The fifteen corruptions by name, with the numbers of each strength, and one call for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tlbench.data.images.corruptions import blur, digital, noise, weather
from tlbench.errors import TlbenchError, unknown
from tlbench.seeds import stream

SIDE = 256
"""Shorter side of the images that the authors' lengths are for: they cut 224 x 224 pixels out of images of short side 256."""
STRENGTHS = 5


@dataclass(frozen=True)
class Corruption:
    """One corruption.

    Attributes:
        change: (pixels, generator, *numbers) -> pixels, all (H, W, 3) uint8.
        numbers: those of strengths 1 to 5.
        powers: of the image's size with which each number grows: 1 for a length, 0 for all else.
    """

    change: Callable[..., np.ndarray]
    numbers: tuple[tuple[float, ...], ...]
    powers: tuple[int, ...]

    def at(self, strength: int, side: int) -> tuple[float, ...]:
        """Return the numbers of a strength (1 to 5) for an image of this shorter side."""
        grown = zip(self.numbers[strength - 1], self.powers, strict=True)
        return tuple(number * (side / SIDE) ** power if power else number for number, power in grown)


# constants of the authors' make_imagenet_c.py; 244, where they meant 224, is theirs too
CORRUPTIONS = {
    "gaussian_noise": Corruption(noise.gaussian_noise, ((0.08,), (0.12,), (0.18,), (0.26,), (0.38,)), (0,)),
    "shot_noise": Corruption(noise.shot_noise, ((60,), (25,), (12,), (5,), (3,)), (0,)),
    "impulse_noise": Corruption(noise.impulse_noise, ((0.03,), (0.06,), (0.09,), (0.17,), (0.27,)), (0,)),
    "defocus_blur": Corruption(blur.defocus_blur, ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)), (1, 1)),
    "glass_blur": Corruption(
        blur.glass_blur, ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)), (1, 1, 0)
    ),
    "motion_blur": Corruption(blur.motion_blur, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)), (1, 1)),
    "zoom_blur": Corruption(blur.zoom_blur, ((0.01, 12), (0.01, 16), (0.02, 11), (0.02, 13), (0.03, 11)), (0, 0)),
    "snow": Corruption(
        weather.snow,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        (0, 0, 1, 0, 1, 1, 0),
    ),
    "frost": Corruption(weather.frost, ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)), (0, 0)),
    "fog": Corruption(weather.fog, ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)), (0, 0)),
    "brightness": Corruption(digital.brightness, ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)), (0,)),
    "contrast": Corruption(digital.contrast, ((0.4,), (0.3,), (0.2,), (0.1,), (0.05,)), (0,)),
    # a smoothed field falls as 1 / sigma, so that a displacement grows with the image only if its factor does so twice
    "elastic_transform": Corruption(
        digital.elastic_transform,
        (
            (244 * 2, 244 * 0.7, 244 * 0.1),
            (244 * 2, 244 * 0.08, 244 * 0.2),
            (244 * 0.05, 244 * 0.01, 244 * 0.02),
            (244 * 0.07, 244 * 0.01, 244 * 0.02),
            (244 * 0.12, 244 * 0.01, 244 * 0.02),
        ),
        (2, 1, 1),
    ),
    "pixelate": Corruption(digital.pixelate, ((0.6,), (0.5,), (0.4,), (0.3,), (0.25,)), (0,)),
    "jpeg_compression": Corruption(digital.jpeg_compression, ((25,), (18,), (15,), (10,), (7,)), (0,)),
}


def corrupted(pixels: np.ndarray, corruption: str, strength: int, *, draw: int, name: str) -> np.ndarray:
    """Corrupt one image; what chance decides depends on the draw, corruption, strength and the image's name, on nothing else.

    Args:
        pixels: (H, W, 3) uint8; not written to.
        corruption: one of CORRUPTIONS.
        strength: 1 to 5; 0 leaves the image as it is.
        draw: number of the draw, 0 or more.
        name: of the image in its data set.

    Raises:
        TlbenchError: an unknown corruption, another strength, or an array that is no such image.
    """
    if corruption not in CORRUPTIONS:
        raise unknown("corruption", corruption, tuple(CORRUPTIONS), "pair=clean-...")
    if strength not in range(STRENGTHS + 1):
        raise TlbenchError(f"A strength is 0 (clean) to {STRENGTHS}, got {strength}. Set by dataset.strength=...")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise TlbenchError(f"An image to corrupt is (height, width, 3) of uint8, got {pixels.shape} of {pixels.dtype}.")
    if strength == 0:
        return pixels.copy()
    how = CORRUPTIONS[corruption]
    rng = stream(draw, "corruption", corruption, str(strength), name)
    return how.change(pixels, rng, *how.at(strength, min(pixels.shape[:2])))
