"""Blurs, by a lens out of focus, through frosted glass, of a moving camera and of one that comes nearer.

All take pixels (H, W, 3) uint8 and a generator, and return (H, W, 3) uint8; lengths are in pixels.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from PIL import Image
from scipy import ndimage

from tlbench.data.images.corruptions.pixel_values import TOP, as_bytes, enlarged, unit

WIDE = 8
"""A disk of more than this radius is softened over 2 pixels, a smaller one over 1, as the authors' is."""


def disk(radius: float, sigma: float) -> np.ndarray:
    """Return a disk (K, K) with an edge softened by a Gaussian, summing to 1."""
    soft = 2 if radius > WIDE else 1
    far = int(radius) + soft
    squares = np.arange(-far, far + 1) ** 2
    inside = (squares[:, None] + squares <= radius**2).astype(np.float64)
    kernel = ndimage.gaussian_filter(inside, sigma, mode="constant", radius=soft)
    return kernel / kernel.sum()


def defocus_blur(pixels: np.ndarray, rng: np.random.Generator, radius: float, sigma: float) -> np.ndarray:
    """Spread each point over a disk; the border mirrors the image."""
    from scipy.signal import fftconvolve  # slow to import, and other corruptions need none of it

    kernel = disk(radius, sigma).astype(np.float32)[..., None]
    far = len(kernel) // 2
    framed = np.pad(unit(pixels), ((far, far), (far, far), (0, 0)), mode="reflect")
    return as_bytes(fftconvolve(framed, kernel, mode="valid", axes=(0, 1)))


def glass_blur(pixels: np.ndarray, rng: np.random.Generator, sigma: float, reach: float, times: float) -> np.ndarray:
    """Blur, let neighbours change places `times` times, and blur again."""
    soft = as_bytes(_gaussian(unit(pixels), sigma))
    return as_bytes(_gaussian(unit(shuffled(soft, round(reach), round(times), rng)), sigma))


def _gaussian(x_HWC: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(x_HWC, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def shuffled(pixels: np.ndarray, reach: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """Let each pixel change places with one at most `reach` away, from the last to the first, `times` times.

    No colour is lost. Pixels whose neighbours would lie outside are not asked, though they may be taken.
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(height - reach, reach, -1), np.arange(width - reach, reach, -1)
    here = (rows[:, None] * width + columns).ravel()
    place = list(range(height * width))
    for _ in range(times if reach else 0):
        down, right = rng.integers(-reach, reach, size=(2, len(here)))
        for one, two in zip(here.tolist(), (here + down * width + right).tolist(), strict=True):
            place[one], place[two] = place[two], place[one]
    return pixels.reshape(height * width, -1)[place].reshape(pixels.shape)


def motion_blur(pixels: np.ndarray, rng: np.random.Generator, radius: float, sigma: float) -> np.ndarray:
    """Drag the image by 2 * radius pixels, in a direction at most 45 degrees from the horizontal."""
    return as_bytes(dragged(unit(pixels), radius, sigma, float(rng.uniform(-45, 45))))


def dragged(x_HWC: np.ndarray, radius: float, sigma: float, degrees: float) -> np.ndarray:
    """Average along a line: pixel i of 0 to 2 * radius has weight exp(-i^2 / (2 sigma^2)); the border goes on as it is.

    ImageMagick's motion blur, which the authors use, has these weights and these rounded places (from memory).
    """
    steps = np.arange(2 * ceil(radius) + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2) if sigma > 0 else (steps == 0).astype(float)
    weights /= weights.sum()
    turn = np.deg2rad(degrees)
    down, right = np.rint(steps * np.sin(turn)).astype(int), np.rint(steps * np.cos(turn)).astype(int)
    frame = [(max(0, -int(way.min())), max(0, int(way.max()))) for way in (down, right)]
    framed = np.pad(x_HWC, (*frame, (0, 0)), mode="edge")
    out, (height, width) = np.zeros_like(x_HWC), x_HWC.shape[:2]
    for weight, row, column in zip(weights, down + frame[0][0], right + frame[1][0], strict=True):
        out += np.float32(weight) * framed[row : row + height, column : column + width]
    return out


def zoom_blur(pixels: np.ndarray, rng: np.random.Generator, step: float, count: float) -> np.ndarray:
    """Average the image and its enlargements by 1, 1 + step, ..., 1 + (count - 1) * step."""
    image, total = Image.fromarray(pixels), np.asarray(pixels, dtype=np.float32)
    for i in range(round(count)):
        total = total + np.asarray(enlarged(image, 1 + i * step), dtype=np.float32)
    return as_bytes(total / np.float32(TOP * (round(count) + 1)))
