"""A domain: one distribution of labelled examples, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import scipy.sparse as sp

from tlbench.data.images.rows import ImageRows

if TYPE_CHECKING:
    from tlbench.data.images.image_files import ImageFiles

Inputs: TypeAlias = np.ndarray | sp.csr_matrix
"""Rows of numbers or pixels; or `ImageRows` in the manner of an array: images in a cache, read when they are needed."""


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
    inputs: Inputs | ImageFiles
    labels: np.ndarray
    groups: np.ndarray
    given_test: np.ndarray | None = None
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def ids(self, rows: np.ndarray) -> np.ndarray:
        """Names of examples that stay the same over runs: `amazon/17`, `amazon/mug/frame_0001.jpg`."""
        names = rows if self.names is None else [self.names[row] for row in rows]
        return np.array([f"{self.name}/{name}" for name in names], dtype=object)


def stack(blocks: Sequence[Inputs]) -> Inputs:
    """Rows of all blocks under each other; sparse if one of them is."""
    if len(blocks) == 1:
        return blocks[0]
    if isinstance(blocks[0], ImageRows):
        return ImageRows.stacked([block for block in blocks if isinstance(block, ImageRows)])
    if any(sp.issparse(block) for block in blocks):
        return sp.vstack([sp.csr_matrix(block) for block in blocks], format="csr")
    return np.concatenate(blocks)


def as_rows(inputs: Inputs) -> Inputs:
    """The inputs as (N, D) rows: images flattened, float64, sparse left sparse."""
    if sp.issparse(inputs):
        return inputs.astype(np.float64)
    if isinstance(inputs, ImageRows):
        inputs = dense_float32(inputs)
    return np.asarray(inputs, dtype=np.float64).reshape(len(inputs), -1)


def dense_float32(inputs: Inputs) -> np.ndarray:
    """The inputs as a dense float32 array of the same shape; images as the test sees them."""
    if isinstance(inputs, ImageRows):
        return inputs.plain().finished().contiguous().numpy()
    dense = inputs if isinstance(inputs, np.ndarray) else inputs.toarray()
    return np.ascontiguousarray(dense, dtype=np.float32)
