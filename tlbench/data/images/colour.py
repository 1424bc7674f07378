"""Colour changes of a batch, each image with numbers of its own; images (B, 3, H, W) float in [0, 1], on any device.

Definitions are torchvision's (`torchvision.transforms.v2.functional`), which take one number for a whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

GREY = (0.2989, 0.587, 0.114)


def grey_of(x_BCHW: Tensor) -> Tensor:
    """Return luma (B, 1, H, W)."""
    red, green, blue = x_BCHW.split(1, dim=1)
    return GREY[0] * red + GREY[1] * green + GREY[2] * blue


def blended(x_BCHW: Tensor, other: Tensor, factor_B: Tensor) -> Tensor:
    """Return factor * x + (1 - factor) * other, clipped."""
    factor = factor_B[:, None, None, None]
    return (factor * x_BCHW + (1 - factor) * other).clamp(0.0, 1.0)


def brightness(x_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    return (x_BCHW * factor_B[:, None, None, None]).clamp(0.0, 1.0)


def contrast(x_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    return blended(x_BCHW, grey_of(x_BCHW).mean(dim=(1, 2, 3), keepdim=True), factor_B)


def saturation(x_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    return blended(x_BCHW, grey_of(x_BCHW), factor_B)


def hue(x_BCHW: Tensor, turn_B: Tensor) -> Tensor:
    """Turn the hue of the HSV colour by `turn` in [-0.5, 0.5] of a circle.

    Value and chroma stay: each channel becomes v - c * clamp(min(k, 4 - k), 0, 1), k = (n + 6 h) mod 6, n = 5, 3, 1.
    """
    value, where = x_BCHW.max(dim=1)
    chroma = value - x_BCHW.min(dim=1).values
    red, green, blue = x_BCHW.unbind(dim=1)
    safe = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    sixths = torch.stack([(green - blue) / safe, (blue - red) / safe + 2, (red - green) / safe + 4], dim=1)
    angle = sixths.gather(1, where[:, None])[:, 0] + 6 * turn_B[:, None, None]
    channels = []
    for n in (5, 3, 1):
        k = (n + angle) % 6
        channels.append(value - chroma * torch.minimum(k, 4 - k).clamp(0.0, 1.0))
    return torch.stack(channels, dim=1)


STEPS = (brightness, contrast, saturation, hue)


def jittered(x_BCHW: Tensor, factors_B4: Tensor, order: Sequence[int], acting: Sequence[int] = range(4)) -> Tensor:
    """Change brightness, contrast, saturation and hue in the given order, those of them that act (0 to 3)."""
    for step in order:
        if step in acting:
            x_BCHW = STEPS[step](x_BCHW, factors_B4[:, step])
    return x_BCHW


def made_grey(x_BCHW: Tensor, which_B: Tensor) -> Tensor:
    """Turn some of the images to grey, on three equal channels."""
    return torch.where(which_B[:, None, None, None], grey_of(x_BCHW).expand_as(x_BCHW), x_BCHW)
