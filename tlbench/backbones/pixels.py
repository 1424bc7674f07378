"""How images are prepared for a backbone: as they were for the training of its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlbench.errors import TlbenchError

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Pixels:
    """What weights expect; the defaults are the custom of most papers, for a network that starts from nothing.

    Attributes:
        mean, sd: per channel, of pixels in [0, 1].
        size: side of what the network sees, in pixels.
        share: of the side of the resized image that this is.
        interpolation: of the resize, `bilinear` or `bicubic`.
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    sd: tuple[float, ...] = IMAGENET_SD
    size: int = 224
    share: float = 0.875
    interpolation: str = "bilinear"


OTHERS = {"mobilenetv2_100.deep_sort": Pixels()}
"""Of weights that timm does not have, by their name: trained in torchvision's way."""


def pixels_of(backbone: Mapping[str, Any]) -> Pixels:
    """Return what the weights of a backbone config expect: what timm says of them; `input_size` in its place where it is set."""
    model = backbone.get("model")
    if not model or not (backbone.get("pretrained") or backbone.get("weights")):
        return Pixels()
    if backbone.get("checkpoint") in OTHERS:
        return OTHERS[str(backbone["checkpoint"])]
    if not isinstance(size := backbone.get("input_size", 1), int):
        raise TlbenchError(f"backbone.input_size must be a whole number of pixels, got {size!r}.")
    import timm  # slow to import, and most runs on small data need none of it

    setting = timm.models.get_pretrained_cfg(model) if timm.is_model(model) else None
    if setting is None:
        return Pixels()
    return Pixels(
        tuple(setting.mean),
        tuple(setting.std),
        backbone.get("input_size") or setting.input_size[-1],
        float(setting.crop_pct),
        "bicubic" if setting.interpolation == "bicubic" else "bilinear",
    )


def as_weights_expect(augment: dict[str, Any], backbone: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what an augment config leaves open (null): size, side, interpolation, mean and sd are the weights' own."""
    open_keys = [key for key in ("size", "side", "interpolation", "mean", "sd") if augment.get(key, "") is None]
    if not open_keys:
        return augment
    pixels = pixels_of(backbone)
    given = augment.get("size")
    size = (
        given if isinstance(given, int) and not isinstance(given, bool) else pixels.size
    )  # what is no size is refused later
    wanted = {
        "size": size,
        "side": math.floor(size / pixels.share),
        "interpolation": pixels.interpolation,
        "mean": list(pixels.mean),
        "sd": list(pixels.sd),
    }
    return {**augment, **{key: wanted[key] for key in open_keys}}
