"""One image file to RGB pixels, whatever its mode, and resized by the policy of a cache."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from tlbench.errors import TlbenchError

MAX_PIXELS = 250_000_000
"""Images above this are refused: one alone would take a gigabyte and more."""
EXIF = b"Exif\x00\x00"


class BadImage(TlbenchError):
    """A file that holds no whole image."""


def decode(content: bytes, name: str) -> Tensor:
    """Read pixels (H, W, 3) uint8 of an image file, upright as its EXIF tag says, transparency over white.

    Grey, palette, CMYK and 16-bit images become RGB; of an animation the first frame is taken.

    Raises:
        BadImage: the file is no image, is truncated, or has more than MAX_PIXELS pixels; names it.
    """
    try:
        if content[:2] == b"\xff\xd8" and _plain_jpeg(content):
            from torchvision.io import ImageReadMode, decode_jpeg  # slow to import, and runs on arrays need none of it

            pixels_CHW = decode_jpeg(
                torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB
            )  # the same numbers as Pillow's, in two thirds of the time
            return pixels_CHW.permute(1, 2, 0)
        return torch.from_numpy(_by_pillow(content))
    except (OSError, SyntaxError, ValueError, RuntimeError, UnidentifiedImageError, Image.DecompressionBombError) as e:
        reason = " ".join(str(e).replace(repr(io.BytesIO), "").split()) or type(e).__name__
        if "cannot identify image file" in reason:
            reason = "it is empty" if not content else "no known image format"
        raise BadImage(f"Image '{name}' cannot be read: {reason}. Mend or remove it.") from e


def _plain_jpeg(content: bytes) -> bool:
    """Tell whether a JPEG has one or three channels, no EXIF, an end and a bearable size; all others go to Pillow."""
    if content.rstrip(b"\x00")[-2:] != b"\xff\xd9":
        return False
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xE1 and content[at + 4 : at + 10] == EXIF:
            return False
        if marker in (0xC0, 0xC1, 0xC2):  # start of frame: precision, height, width, channels
            height, width = (int.from_bytes(content[at + i : at + i + 2], "big") for i in (5, 7))
            return content[at + 4] == 8 and content[at + 9] in (1, 3) and 0 < height * width <= MAX_PIXELS
        at += 2 + length
    return False


def _opened(content: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound here is MAX_PIXELS
        image = Image.open(io.BytesIO(content))
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"it has {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
    return image


def _by_pillow(content: bytes) -> np.ndarray:
    with _opened(content) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):  # Pillow would clip 16 bits at 255
            grey = np.asarray(image, dtype=np.int64)
            top = 255 if grey.max(initial=0) <= 255 and image.mode == "I" else 65_535
            return np.repeat((grey.clip(0, top) * 255 // top).astype(np.uint8)[..., None], 3, axis=2)
        if image.mode == "F":
            raise ValueError("floating-point pixels have no fixed white")
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            over = image.convert("RGBA")
            white = Image.new("RGBA", over.size, "white")
            image = Image.alpha_composite(white, over)
        return np.array(image.convert("RGB"))


def resized(pixels_HWC: Tensor, height: int, width: int, interpolation: str = "bilinear") -> Tensor:
    """Resize (H, W, 3) uint8, antialiased, `bilinear` or `bicubic`, within one grey level of Pillow's (bicubic: two)."""
    if pixels_HWC.shape[:2] == (height, width):
        return pixels_HWC
    # the batch axis is added before the channels move: only then do the strides say channels-last, three times as fast
    whole_BCHW = pixels_HWC.contiguous()[None].permute(0, 3, 1, 2)
    out = F.interpolate(whole_BCHW, size=(height, width), mode=interpolation, antialias=True)
    return out[0].permute(1, 2, 0)


def squash(side: int, interpolation: str = "bilinear") -> Callable[[Tensor], Tensor]:
    """Resize to side x side, the aspect ratio not kept (the custom of Office-31 results)."""
    return lambda pixels: resized(pixels, side, side, interpolation)


def short_side(side: int, interpolation: str = "bilinear") -> Callable[[Tensor], Tensor]:
    """Resize the shorter side to `side`, the aspect ratio kept."""

    def resize(pixels: Tensor) -> Tensor:
        height, width = pixels.shape[:2]
        if height <= width:
            return resized(pixels, side, int(side * width / height), interpolation)
        return resized(pixels, int(side * height / width), side, interpolation)

    return resize
