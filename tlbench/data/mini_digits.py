"""mini_digits: three domains of digits made on the spot from what scikit-learn and matplotlib carry.

handwritten  UCI digits of the first seven writers, upscaled, white on black
photo        UCI digits of the other seven, blended by absolute difference with patches of two photographs
             (the recipe of MNIST-M: Ganin & Lempitsky, ICML 2015)
printed      digits set in matplotlib's fonts, varied in size, place and slant

The UCI digits are stored writer after writer, each copying the same list of digits; they are cut between two writers.
Each handwritten digit is drawn twice (two sizes, places, angles); both drawings carry one group number and never part at
a split.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.data.base_dataset import Dataset
from tlbench.data.digit_strokes import FIRST_OF_WRITER, SIDE, digit_strokes
from tlbench.data.domain import Domain
from tlbench.paths import cache_dir
from tlbench.seeds import stream

REVISION = 2
FIRST_OF_PHOTO = FIRST_OF_WRITER[7]
"""906 digits before it, 891 from it on."""
DRAWINGS = 2


class MiniDigits(Dataset):
    """The embedded data set: made at first use, kept in the cache folder, the same on every machine with one set of
    library versions (its fingerprint tells)."""

    def __init__(self, *, data_dir: str | Path | None = None, **base: Any) -> None:
        super().__init__(**base)

    def load(self, domain: str) -> Domain:
        arrays = _cached()
        images, labels, groups = (arrays[f"{domain}_{part}"] for part in ("images", "labels", "groups"))
        return Domain(domain, images, labels.astype(np.int64), groups.astype(np.int64))

    def fingerprint(self, domains: Sequence[str]) -> str:
        return hashlib.sha256("".join(_digest(name) for name in sorted(domains)).encode()).hexdigest()[:16]


def make() -> dict[str, np.ndarray]:
    """Return images (N, 3, 16, 16) uint8, labels (N,) and groups (N,) of the three domains, keyed `domain_part`."""
    from tlbench.data.printed_digits import (
        draw_printed,  # Matplotlib: what makes images is imported where they are made
    )

    strokes, labels = digit_strokes()
    half = FIRST_OF_PHOTO
    domains = {
        "handwritten": _handwritten(strokes[:half], labels[:half], "handwritten"),
        "photo": _on_photographs(*_handwritten(strokes[half:], labels[half:], "photo")),
        "printed": draw_printed(per_class=180, side=SIDE, rng=stream(REVISION, "printed")),
    }
    parts = ("images", "labels", "groups")
    named = ((name, zip(parts, arrays, strict=True)) for name, arrays in domains.items())
    return {f"{name}_{part}": array for name, pieces in named for part, array in pieces}


def _handwritten(strokes: np.ndarray, labels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = stream(REVISION, name)
    grey = np.stack([_upscaled(stroke, rng) for _ in range(DRAWINGS) for stroke in strokes])
    images = np.repeat(grey[:, None], 3, axis=1)
    return images, np.tile(labels, DRAWINGS), np.tile(np.arange(len(strokes)), DRAWINGS)


def _upscaled(stroke: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put an 8x8 digit on a 16x16 canvas, turned by up to 10 degrees, 13 to 16 pixels high, at a random place."""
    from PIL import Image

    size = int(rng.integers(13, SIDE + 1))
    turned = Image.fromarray(stroke).resize((4 * size, 4 * size), Image.Resampling.BICUBIC)
    turned = turned.rotate(rng.uniform(-10, 10), Image.Resampling.BICUBIC).resize((size, size), Image.Resampling.BOX)
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    top, left = rng.integers(0, SIDE - size + 1, 2)
    canvas[top : top + size, left : left + size] = np.asarray(turned)
    return canvas


def _on_photographs(
    images: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return |patch - digit|, with patches of 32 pixels' side taken anywhere in the photographs and halved."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    rng = stream(REVISION, "patches")
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    blended = np.empty_like(images)
    for i, digit in enumerate(images):
        photo = photos[rng.integers(len(photos))]
        left, top = int(rng.integers(photo.width - 2 * SIDE)), int(rng.integers(photo.height - 2 * SIDE))
        patch = photo.crop((left, top, left + 2 * SIDE, top + 2 * SIDE)).resize((SIDE, SIDE), Image.Resampling.BOX)
        blended[i] = np.abs(np.asarray(patch, np.int16).transpose(2, 0, 1) - digit).astype(np.uint8)
    return blended, labels, groups


@cache
def _cached() -> dict[str, np.ndarray]:
    """Return the arrays from memory, else from the cache folder, else made now and kept there (written aside, then renamed)."""
    versions = "-".join(version(name) for name in ("scikit-learn", "matplotlib", "pillow", "numpy"))
    path = cache_dir() / f"mini_digits-{REVISION}-{hashlib.sha256(versions.encode()).hexdigest()[:8]}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        pass  # not there, or damaged: made anew
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            np.savez_compressed(file, allow_pickle=False, **made)
        os.replace(file.name, path)
    except OSError as error:
        warnings.warn(f"mini_digits is not kept for the next time: {error}", stacklevel=2)
    return made


@cache
def _digest(domain: str) -> str:
    """Hash of everything that one domain holds."""
    whole = hashlib.sha256()
    for part in ("images", "labels", "groups"):
        whole.update(_cached()[f"{domain}_{part}"].tobytes())
    return whole.hexdigest()
