"""The UCI digits as scikit-learn ships them: 1797 drawings of 8x8, and whose they are."""

from __future__ import annotations

from functools import cache

import numpy as np

SIDE = 16
FIRST_OF_WRITER = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
"""The digit with which each writer begins. All copied one list of 130 digits, some of which are lacking here (the eighth writer's
first, for one). The set is said to be of 13 writers; the list stands in it 14 times."""


@cache
def digit_strokes() -> tuple[np.ndarray, np.ndarray]:
    """Return (1797, 8, 8) uint8 drawings, ink 255, and (1797,) labels, writer after writer."""
    from sklearn.datasets import load_digits  # here, as below: a cache of made images needs none of it

    strokes, labels = load_digits(return_X_y=True)
    return (strokes.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8), labels


def turned(stroke: np.ndarray, angle: float = 0.0) -> np.ndarray:
    """Put an 8x8 drawing on a 16x16 canvas, turned anticlockwise by this many degrees."""
    from PIL import Image

    large = Image.fromarray(stroke).resize((4 * SIDE, 4 * SIDE), Image.Resampling.BICUBIC)
    return np.asarray(large.rotate(angle, Image.Resampling.BICUBIC).resize((SIDE, SIDE), Image.Resampling.BOX))
