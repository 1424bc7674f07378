"""Pixels as whole numbers of 0 to 255, and as shares of white, in which corruptions are reckoned."""

from __future__ import annotations

import numpy as np
from PIL import Image

TOP = 255.0


def unit(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 pixels of any shape as float32 in [0, 1]."""
    return np.asarray(pixels, dtype=np.float32) / np.float32(TOP)


def as_bytes(x: np.ndarray) -> np.ndarray:
    """Clip to [0, 1] and round to uint8; whole numbers cut off would darken each image by half a level."""
    return np.rint(np.clip(x, 0.0, 1.0) * TOP).astype(np.uint8)


def enlarged(image: Image.Image, factor: float) -> Image.Image:
    """Return the middle of an image, 1 / factor (>= 1) of each side, at the size of the whole; bilinear."""
    width, height = image.size
    left, top = (1 - 1 / factor) * width / 2, (1 - 1 / factor) * height / 2
    return image.resize((width, height), Image.Resampling.BILINEAR, box=(left, top, width - left, height - top))
