"""Digits set in the fonts that matplotlib carries."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

GLYPHS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
EM = 64


@cache
def digit_fonts() -> tuple[Path, ...]:
    """Return the fonts whose ten digits are digits and leave ten different, non-empty drawings.

    Many of matplotlib's fonts hold mathematical symbols only, draw nothing, or one box for every character.
    """
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return tuple(path for path in sorted(folder.glob("*.ttf")) if draws_digits(path))


def draws_digits(path: Path) -> bool:
    """Tell whether the font names the glyphs of 0..9 zero..nine and draws each differently and not blank."""
    font = FT2Font(str(path))
    indices = [font.get_char_index(ord(str(digit))) for digit in range(10)]
    if not all(indices) or tuple(font.get_glyph_name(index) for index in indices) != GLYPHS:
        return False
    drawings = [glyph(path, digit) for digit in range(10)]
    return all(np.asarray(d).any() for d in drawings) and len({d.tobytes() for d in drawings}) == 10


def glyph(path: Path, digit: int) -> Image.Image:
    """Draw one digit, white on black, cut to its ink; an empty image where the font draws nothing."""
    canvas = Image.new("L", (2 * EM, 2 * EM))
    ImageDraw.Draw(canvas).text((EM // 2, EM // 2), str(digit), font=ImageFont.truetype(str(path), EM), fill=255)
    return canvas.crop(canvas.getbbox() or (0, 0, 1, 1))


def draw_printed(*, per_class: int, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images (10 * per_class, 3, side, side) uint8, labels, groups (each example its own).

    Height 9 to 14 pixels, slant up to 17 degrees (shear 0.3) either way, anywhere on the canvas.
    """
    fonts = digit_fonts()
    cut = {(font, digit): glyph(font, digit) for font in fonts for digit in range(10)}
    labels = np.tile(np.arange(10), per_class)
    grey = np.stack([_placed(cut[fonts[rng.integers(len(fonts))], int(digit)], side, rng) for digit in labels])
    return np.repeat(grey[:, None], 3, axis=1), labels, np.arange(len(labels))


def _placed(ink: Image.Image, side: int, rng: np.random.Generator) -> np.ndarray:
    shear = rng.uniform(-0.3, 0.3)
    lean = abs(shear) * ink.height
    slanted = ink.transform(
        (round(ink.width + lean), ink.height),
        Image.Transform.AFFINE,
        (1, shear, -lean if shear > 0 else 0, 0, 1, 0),
        Image.Resampling.BICUBIC,
    )
    height = int(rng.integers(9, 15))
    width = min(side, max(1, round(slanted.width * height / slanted.height)))
    small = np.asarray(slanted.resize((width, height), Image.Resampling.BOX))
    canvas = np.zeros((side, side), np.uint8)
    top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
    canvas[top : top + height, left : left + width] = small
    return canvas
