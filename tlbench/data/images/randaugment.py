"""RandAugment (Cubuk et al., CVPR Workshops 2020, arXiv:1909.13719), in torchvision's space of operations.

Operations and signs are drawn image by image; all images of a batch with one operation and sign go through it together.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

BINS = 31
Operation: TypeAlias = "Callable[[Tensor, float], Tensor]"


def _tv() -> ModuleType:
    from torchvision.transforms.v2 import functional  # slow to import, and runs on arrays need none of it

    return functional


def _affine(x: Tensor, *, x_shear: float = 0.0, y_shear: float = 0.0, right: float = 0.0, down: float = 0.0) -> Tensor:
    shear = [float(np.degrees(np.arctan(x_shear))), float(np.degrees(np.arctan(y_shear)))]
    corner = [0.0, 0.0] if x_shear or y_shear else None
    return _tv().affine(
        x,
        angle=0.0,
        translate=[int(right), int(down)],
        scale=1.0,
        shear=shear,
        center=corner,
    )


OPERATIONS: tuple[tuple[str, float, bool, Operation], ...] = (
    # name, greatest magnitude, whether it has a sign, what it does to (B, 3, H, W) uint8
    ("identity", 0.0, False, lambda x, m: x),
    ("shear_x", 0.3, True, lambda x, m: _affine(x, x_shear=m)),
    ("shear_y", 0.3, True, lambda x, m: _affine(x, y_shear=m)),
    ("translate_x", 150.0 / 331.0, True, lambda x, m: _affine(x, right=m * x.shape[-1])),
    ("translate_y", 150.0 / 331.0, True, lambda x, m: _affine(x, down=m * x.shape[-2])),
    ("rotate", 30.0, True, lambda x, m: _tv().rotate(x, angle=m)),
    ("brightness", 0.9, True, lambda x, m: _tv().adjust_brightness(x, 1.0 + m)),
    ("colour", 0.9, True, lambda x, m: _tv().adjust_saturation(x, 1.0 + m)),
    ("contrast", 0.9, True, lambda x, m: _tv().adjust_contrast(x, 1.0 + m)),
    ("sharpness", 0.9, True, lambda x, m: _tv().adjust_sharpness(x, 1.0 + m)),
    ("posterize", 4.0, False, lambda x, m: _tv().posterize(x, bits=8 - round(m))),
    ("solarize", 255.0, False, lambda x, m: _tv().solarize(x, threshold=255.0 - m)),
    ("autocontrast", 0.0, False, lambda x, m: _tv().autocontrast(x)),
    ("equalize", 0.0, False, lambda x, m: _tv().equalize(x)),
)


def rand_augmented(x_BCHW: Tensor, ops_BN: np.ndarray, signs_BN: np.ndarray, magnitude: int) -> Tensor:
    """Apply N operations one after the other to uint8 images, at `magnitude` of 0 to 30."""
    import torch  # here: the config of `augment=none` stands beside, and runs on arrays need none of it

    x_BCHW = x_BCHW.clone()
    for ops_B, signs_B in zip(ops_BN.T, signs_BN.T, strict=True):
        for op, (_, greatest, signed, operation) in enumerate(OPERATIONS):
            for sign in (1, -1) if signed else (0,):
                rows = np.flatnonzero((ops_B == op) & ((signs_B == sign) if signed else True))
                if len(rows) and op:
                    strength = greatest * magnitude / (BINS - 1) * (sign or 1)
                    picked = torch.from_numpy(rows).to(x_BCHW.device)
                    x_BCHW[picked] = operation(x_BCHW[picked], strength)
    return x_BCHW
