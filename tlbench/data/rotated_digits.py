"""rotated_digits: UCI digits turned by 0, 15, 30, 45 and 60 degrees, each domain made of digits of its own.

The digits are dealt out to the domains at random, so no digit is known from another angle. Each is drawn twice, turned by the
domain's angle and up to 4 degrees more or less; both drawings carry one group number and never part at a split.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tlbench.data.digit_strokes import digit_strokes, turned
from tlbench.data.domain import Domain
from tlbench.data.made_dataset import MadeDataset
from tlbench.seeds import stream

REVISION = 1
ANGLES = (0, 15, 30, 45, 60)
WOBBLE = 4.0
DRAWINGS = 2


class RotatedDigits(MadeDataset):
    """Domains `deg0` to `deg60`."""

    def load(self, domain: str) -> Domain:
        return _drawn(ANGLES.index(int(domain.removeprefix("deg"))))


@cache
def _drawn(number: int) -> Domain:
    """Draw the digits of the domain with this place in ANGLES."""
    strokes, labels = digit_strokes()
    mine = np.sort(stream(REVISION, "rotated_digits").permutation(len(labels))[number :: len(ANGLES)])
    rng = stream(REVISION, "rotated_digits", str(ANGLES[number]))
    turn = ANGLES[number] + rng.uniform(-WOBBLE, WOBBLE, size=(DRAWINGS, len(mine)))
    images = [turned(stroke, angle) for angles in turn for stroke, angle in zip(strokes[mine], angles, strict=True)]
    groups = np.tile(np.arange(len(mine)), DRAWINGS)
    return Domain(f"deg{ANGLES[number]}", np.stack(images)[:, None], np.tile(labels[mine], DRAWINGS), groups)
