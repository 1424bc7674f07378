"""writer_digits: the UCI digits, each writer a domain: many small targets, as where a model meets the people who use it."""

from __future__ import annotations

from functools import cache

import numpy as np

from tlbench.data.digit_strokes import FIRST_OF_WRITER, digit_strokes, turned
from tlbench.data.domain import Domain
from tlbench.data.made_dataset import MadeDataset


class WriterDigits(MadeDataset):
    """Domains `w1` to `w14` of 122 to 130 digits, upright on 16x16."""

    def load(self, domain: str) -> Domain:
        return _written(int(domain.removeprefix("w")) - 1)


@cache
def _written(place: int) -> Domain:
    """Return the digits of the writer with this place in FIRST_OF_WRITER."""
    strokes, labels = digit_strokes()
    own = slice(FIRST_OF_WRITER[place], [*FIRST_OF_WRITER[1:], len(labels)][place])
    images = np.stack([turned(stroke) for stroke in strokes[own]])[:, None]
    return Domain(f"w{place + 1}", images, labels[own], np.arange(len(images)))
