"""Clouds by the diamond-square procedure (Fournier, Fussell & Carpenter, CACM 1982)."""

from __future__ import annotations

import numpy as np


def plasma(height: int, width: int, decay: float, rng: np.random.Generator) -> np.ndarray:
    """Return a cloud (height, width) whose whole lattice spans [0, 1]; flat where there is one pixel only.

    The lattice's cells are squares of the least power of two that is not below the shorter side, as many as the longer side
    needs, and opposite borders touch. At each halving the middle of a cell is the mean of its corners, the middle of an edge
    that of its four neighbours, both moved by a uniform draw whose size falls by decay^2.
    """
    step = 1 << (min(height, width) - 1).bit_length()
    field, sway = np.zeros((-(-height // step) * step, -(-width // step) * step)), 1.0

    def moved(mean: np.ndarray) -> np.ndarray:
        return mean + sway * rng.uniform(-1, 1, mean.shape)

    while step > 1:
        half = step // 2
        corner = field[::step, ::step]
        across = corner + np.roll(corner, -1, axis=1)
        centre = moved((across + np.roll(across, -1, axis=0)) / 4)
        field[half::step, half::step] = centre
        field[::step, half::step] = moved((across + centre + np.roll(centre, 1, axis=0)) / 4)
        down = corner + np.roll(corner, -1, axis=0)
        field[half::step, ::step] = moved((down + centre + np.roll(centre, 1, axis=1)) / 4)
        step, sway = half, sway / decay**2
    field -= field.min()
    return field[:height, :width] / max(float(field.max()), np.finfo(float).tiny)
