"""rotated_digits: UCI digits turned by 0, 15, 30, 45 and 60 degrees, each domain made of digits of its own.

The digits are dealt out to the domains at random, so no digit is known from another angle. Each is drawn twice, turned by the
domain's angle and up to 4 degrees more or less; both drawings carry one group number and never part at a split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from tlbench.data.base_dataset import Dataset
from tlbench.data.domain import Domain
from tlbench.seeds import stream

REVISION = 1
ANGLES = (0, 15, 30, 45, 60)
WOBBLE = 4.0
DRAWINGS = 2
SIDE = 16


class RotatedDigits(Dataset):
    """Domains `deg0` to `deg60`, made on the spot; the same on every machine with one set of library versions."""

    def __init__(self, *, data_dir: str | Path | None = None, **base: Any) -> None:
        super().__init__(**base)

    def load(self, domain: str) -> Domain:
        return _drawn(ANGLES.index(int(domain.removeprefix("deg"))))

    def fingerprint(self, domains: Sequence[str]) -> str:
        whole = hashlib.sha256()
        for name in sorted(domains):
            domain = self.load(name)
            for part in (domain.inputs, domain.labels, domain.groups):
                whole.update(np.ascontiguousarray(part).tobytes())
        return whole.hexdigest()[:16]


@cache
def _drawn(number: int) -> Domain:
    """Draw the digits of the domain with this place in ANGLES."""
    strokes, labels = load_digits(return_X_y=True)
    mine = np.sort(stream(REVISION, "rotated_digits").permutation(len(labels))[number :: len(ANGLES)])
    strokes = (strokes[mine].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    rng = stream(REVISION, "rotated_digits", str(ANGLES[number]))
    turn = ANGLES[number] + rng.uniform(-WOBBLE, WOBBLE, size=(DRAWINGS, len(mine)))
    images = [_turned(stroke, angle) for angles in turn for stroke, angle in zip(strokes, angles, strict=True)]
    groups = np.tile(np.arange(len(mine)), DRAWINGS)
    return Domain(f"deg{ANGLES[number]}", np.stack(images)[:, None], np.tile(labels[mine], DRAWINGS), groups)


def _turned(stroke: np.ndarray, angle: float) -> np.ndarray:
    """Put an 8x8 digit on a 16x16 canvas, turned anticlockwise by this many degrees."""
    large = Image.fromarray(stroke).resize((4 * SIDE, 4 * SIDE), Image.Resampling.BICUBIC)
    return np.asarray(large.rotate(angle, Image.Resampling.BICUBIC).resize((SIDE, SIDE), Image.Resampling.BOX))
