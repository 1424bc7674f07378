"""Arrays changed at random: what `strong` means for examples that are no images in files."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

NOISE = 0.1
"""Standard deviation of what is added, of the target's own."""
DROPPED = 0.1
"""Share of entries set to zero."""
SHIFT = 2
"""Pixels by which (B, channels, height, width) move at most, zeros moving in."""


def strong_arrays(x_B: Tensor, sd: float, rng: np.random.Generator) -> Tensor:
    """Return examples of any shape with normal noise added and a share of entries dropped; grids are moved first.

    Args:
        sd: of the entries of the whole set.
        rng: everything is drawn from it, as much whatever the values.
    """
    moves_B2 = rng.integers(-SHIFT, SHIFT + 1, (len(x_B), 2))
    noise_B = torch.from_numpy(rng.standard_normal(tuple(x_B.shape), dtype=np.float32))
    kept_B = torch.from_numpy(rng.random(tuple(x_B.shape)) >= DROPPED)
    if x_B.ndim == 4:
        x_B = torch.stack([_moved(x, int(down), int(right)) for x, (down, right) in zip(x_B, moves_B2, strict=True)])
    return torch.where(kept_B, x_B + NOISE * sd * noise_B, 0.0)


def _moved(x_CHW: Tensor, down: int, right: int) -> Tensor:
    height, width = x_CHW.shape[1:]
    moved = torch.zeros_like(x_CHW)
    rows, columns = (slice(max(by, 0), size + min(by, 0)) for by, size in ((down, height), (right, width)))
    back_rows, back_columns = (slice(max(-by, 0), size - max(by, 0)) for by, size in ((down, height), (right, width)))
    moved[:, rows, columns] = x_CHW[:, back_rows, back_columns]
    return moved
