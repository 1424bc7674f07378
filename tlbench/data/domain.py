"""A domain: one distribution of labelled examples, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tlbench.data.images.image_files import ImageFiles
    from tlbench.data.inputs import Rows


@dataclass(frozen=True)
class Domain:
    """All labelled examples of one domain, row by row.

    Attributes:
        name: letters, digits and `_`.
        inputs: (N, ...) array, or (N, D) sparse matrix, or N images in files.
        labels: (N,) class indices in [0, C).
        groups: (N,) integers. Examples of one group (two pictures of one handwritten digit, say) never stand on both
            sides of a split, and intervals resample groups, not examples.
        given_test: (N,) true for the rows of a test part that the data set is distributed with; None without one.
        names: (N,) what examples are called; their row numbers where there is none.
    """

    name: str
    inputs: Rows | ImageFiles
    labels: np.ndarray
    groups: np.ndarray
    given_test: np.ndarray | None = None
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def ids(self, rows: np.ndarray) -> np.ndarray:
        """Return the names of examples that stay the same over runs: `amazon/17`, `amazon/mug/frame_0001.jpg`."""
        names = rows if self.names is None else [self.names[row] for row in rows]
        return np.array([f"{self.name}/{name}" for name in names], dtype=object)
