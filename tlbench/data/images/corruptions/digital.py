"""What cameras, screens and files do: brightness, contrast, warped film, few pixels, JPEG.

All take pixels (H, W, 3) uint8 and a generator, and return (H, W, 3) uint8; lengths are in pixels.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import fft, ndimage

from tlbench.data.images.corruptions.pixel_values import as_bytes, unit


def brightness(pixels: np.ndarray, rng: np.random.Generator, added: float) -> np.ndarray:
    """Add to the value of HSV, at most up to 1; hue and saturation stay.

    With hue and saturation fixed, red, green and blue are proportional to the value; black becomes grey.
    """
    x = unit(pixels)
    value = x.max(axis=2, keepdims=True)
    wanted = np.minimum(value + np.float32(added), np.float32(1))
    return as_bytes(np.where(value > 0, x * (wanted / np.where(value > 0, value, np.float32(1))), wanted))


def contrast(pixels: np.ndarray, rng: np.random.Generator, factor: float) -> np.ndarray:
    """Shrink the differences from the mean colour by a factor."""
    x = unit(pixels)
    mean = x.mean(axis=(0, 1), keepdims=True, dtype=np.float64)
    return as_bytes((x - mean) * factor + mean)


def elastic_transform(
    pixels: np.ndarray, rng: np.random.Generator, strength: float, sigma: float, jitter: float
) -> np.ndarray:
    """Warp by an affine map and a smooth field (Simard et al., ICDAR 2003); bilinear, the border mirrors the image.

    Args:
        strength: of the field, uniform in [-1, 1] at each pixel and smoothed before it is multiplied.
        sigma: of that smoothing.
        jitter: three points move by up to this, which gives the affine map.
    """
    height, width = pixels.shape[:2]
    matrix, shift = _affine(height, width, jitter, rng)
    field = np.stack([strength * smooth(rng.uniform(-1, 1, (height, width)), sigma) for _ in range(2)])
    places = np.indices((height, width)) + field
    places = np.einsum("ij,jhw->ihw", matrix, places) + shift[:, None, None]
    x = unit(pixels)
    out = [ndimage.map_coordinates(x[..., c], places, order=1, mode="mirror") for c in range(pixels.shape[2])]
    return as_bytes(np.stack(out, axis=2))


def _affine(height: int, width: int, jitter: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the map (2, 2), (2,) from places in the warped image to those they are taken from.

    Corners of the middle third of the image move; where there is no third, nothing does.
    """
    middle, third = np.array([height // 2, width // 2]), min(height, width) // 3
    corners = middle + third * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = corners + rng.uniform(-jitter, jitter, (3, 2))
    if not third:
        return np.eye(2), np.zeros(2)
    solved = np.linalg.solve(np.column_stack([moved, np.ones(3)]), corners.astype(float))
    return solved[:2].T, solved[2]


def smooth(x_HW: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth by a Gaussian whose border mirrors the field.

    The cosine transform does so exactly, at a price that does not depend on sigma: it is up to 170 pixels.
    """
    rows, columns = (np.exp(-0.5 * (sigma * np.pi * np.arange(n) / n) ** 2) for n in x_HW.shape)
    return fft.idctn(fft.dctn(x_HW) * rows[:, None] * columns)


def pixelate(pixels: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """Average boxes down to this share of each side, and enlarge them back."""
    height, width = pixels.shape[:2]
    few = (max(1, int(width * share)), max(1, int(height * share)))
    box = Image.Resampling.BOX
    return np.array(Image.fromarray(pixels).resize(few, box).resize((width, height), box))


def jpeg_compression(pixels: np.ndarray, rng: np.random.Generator, quality: float) -> np.ndarray:
    """Write and read as JPEG of this quality, as Pillow does."""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=int(quality))
    return np.array(Image.open(written))
