"""Frost as it grows on a window: feathers of ice that branch at 60 degrees, over a haze.

The authors lay five photographs of frost over images. These are drawn instead, to about the brightness, contrast and colour of
theirs, measured: mean 0.64, standard deviation 0.11, mean step from pixel to pixel 0.042, and blue above green above red.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from tlbench.data.images.corruptions.plasma import plasma

FEATHERS, LEVELS = 22, 3
TINT = np.array([0.90, 1.01, 1.09], dtype=np.float32)
"""Red, green and blue of white ice: the means of the photographs' colours."""


def frost_on_glass(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw frost (height, width, 3) as float32 in [0, 1]; its lengths are shares of the shorter side."""
    side = min(height, width)
    ice = ndimage.gaussian_filter(_feathers(height, width, rng), side / 400)
    haze = plasma(height, width, 1.3, rng).astype(np.float32)
    grain = ndimage.gaussian_filter(rng.standard_normal((height, width), dtype=np.float32), side / 360)
    # panes differ: the photographs' means are 0.51 to 0.81
    grey = rng.uniform(0.20, 0.50) + 0.40 * haze + 0.75 * ice * haze + 0.10 * grain
    return (grey[..., None] * TINT).clip(0, 1)


def _feathers(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw stems from places anywhere, their branches, and the branches of these, as (height, width) float32 in [0, 1]."""
    side, canvas = min(height, width), Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    roots = rng.random((FEATHERS, 2)) * (height, width)
    turns, lengths = rng.uniform(0, 2 * np.pi, FEATHERS), side * rng.uniform(0.15, 0.6, FEATHERS)
    twigs_N4 = np.column_stack([roots, turns, lengths])
    for level in range(LEVELS):
        rows, columns, turns, lengths = twigs_N4.T
        ends = np.column_stack([columns, rows, columns + lengths * np.cos(turns), rows + lengths * np.sin(turns)])
        thick = max(1, round(side / 90 / (1 + level)))
        for line, white in zip(ends.tolist(), rng.integers(110, 256, len(ends)).tolist(), strict=True):
            pen.line(line, fill=white, width=thick)
        twigs_N4 = _branched(twigs_N4, 0.02 * side, rng)
    return np.asarray(canvas, dtype=np.float32) / 255


def _branched(twigs_N4: np.ndarray, gap: float, rng: np.random.Generator) -> np.ndarray:
    """Return the branches (M, 4) of twigs, to either side every `gap` pixels or more.

    Args:
        twigs_N4: the root's row and column, the direction in radians, the length.
    """
    lengths = twigs_N4[:, 3]
    gaps = np.maximum(0.04, gap / np.maximum(lengths, gap))
    counts = np.ceil(0.94 / gaps).astype(int)
    row, column, turn, length = np.repeat(twigs_N4, 2 * counts, axis=0).T
    number = np.concatenate([np.repeat(np.arange(count), 2) for count in counts])
    at = 0.06 + number * np.repeat(gaps, 2 * counts)
    way = np.tile([-1, 1], counts.sum())
    reach = 0.4 * (1 - at) * length * rng.uniform(0.3, 1.2, len(at))  # uneven: a comb is no feather
    turned = turn + way * np.pi / 3 + rng.normal(0, 0.12, len(at))
    return np.column_stack([row + at * length * np.sin(turn), column + at * length * np.cos(turn), turned, reach])
