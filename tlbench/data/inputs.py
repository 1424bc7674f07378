"""What examples are made of: rows of numbers, dense or sparse, or lazy examples that are read when they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Rows: TypeAlias = np.ndarray | sp.csr_matrix
"""(N, ...) numbers or pixels in memory, or an (N, D) sparse matrix: all that an estimator method meets."""


class LazyBatch(ABC):
    """Some lazy examples on their way to the network."""

    @abstractmethod
    def gathered(self, *, pinned: bool) -> LazyBatch:
        """Make one block of them, for a device; `pinned`: in page-locked memory, from which a GPU copies while it computes."""

    @abstractmethod
    def to(self, device: torch.device | str, non_blocking: bool = False) -> LazyBatch:
        """Move what has been read to the device on which the rest is done."""

    @abstractmethod
    def finished(self) -> Tensor:
        """Return (B, ...) float32 as the network takes them."""


class LazyInputs(ABC):
    """N examples that are not in memory; indexing gives some of them, in the manner of an array."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(N, ...), with the shape of an example as the network takes it."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, rows: slice | np.ndarray) -> Self: ...

    @classmethod
    @abstractmethod
    def stacked(cls, blocks: Sequence[Self]) -> Self:
        """Put the examples of all blocks one after the other."""

    @abstractmethod
    def plain(self) -> LazyBatch:
        """Read all of them as the test sees them."""

    def viewed(self, view: str) -> Self:
        """Return the same examples, which `drawn` then changes as `train` or `strong` has it (`tlbench.method.views`)."""
        return self

    @abstractmethod
    def drawn(self, rng: np.random.Generator, part: slice = slice(None)) -> LazyBatch:
        """Read them as training sees them; `part`: of the drawn batch, the examples of one device."""


Inputs: TypeAlias = Rows | LazyInputs
Examples: TypeAlias = "Tensor | LazyBatch"
"""Inputs of a batch: numbers, or lazy examples on their way to the device."""


def stack(blocks: Sequence[Inputs]) -> Inputs:
    """Put the rows of all blocks under each other; sparse if one of them is."""
    if len(blocks) == 1:
        return blocks[0]
    lazy = [block for block in blocks if isinstance(block, LazyInputs)]
    if lazy:
        return type(lazy[0]).stacked(lazy)
    if any(sp.issparse(block) for block in blocks):
        return sp.vstack([sp.csr_matrix(block) for block in blocks], format="csr")
    return np.concatenate([block for block in blocks if isinstance(block, np.ndarray)])


class LabelledSet(Protocol):
    """Examples with their labels."""

    @property
    def inputs(self) -> Inputs: ...

    @property
    def labels(self) -> np.ndarray: ...


def pooled(sets: Sequence[LabelledSet]) -> tuple[Any, np.ndarray]:
    """Put labelled sets under each other: their rows, as `stack` does, and their labels."""
    return stack([part.inputs for part in sets]), np.concatenate([part.labels for part in sets])


def as_rows(inputs: Inputs) -> Rows:
    """Return (N, D) rows: images flattened, float64, sparse left sparse."""
    rows = dense_float32(inputs) if isinstance(inputs, LazyInputs) else inputs
    if sp.issparse(rows):
        return rows.astype(np.float64)
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)


def dense(x_ND: Rows) -> np.ndarray:
    """Return rows as a dense array."""
    return x_ND if isinstance(x_ND, np.ndarray) else x_ND.toarray()


def dense_float32(inputs: Inputs) -> np.ndarray:
    """Return a dense float32 array of the same shape; lazy examples as the test sees them."""
    if isinstance(inputs, LazyInputs):
        return inputs.plain().finished().contiguous().numpy()
    return np.ascontiguousarray(dense(inputs), dtype=np.float32)


def plain(inputs: Inputs) -> Examples:
    """Read examples as the test sees them."""
    if isinstance(inputs, LazyInputs):
        return inputs.plain()
    import torch  # slow to import, and estimators need none of it

    return torch.from_numpy(dense_float32(inputs))


def gathered(examples: Examples, *, pinned: bool) -> Examples:
    """Make one block of what is still in pieces; see LazyBatch."""
    return examples.gathered(pinned=pinned) if isinstance(examples, LazyBatch) else examples


def finished(examples: Examples) -> Tensor:
    """Return the inputs of a batch as the network takes them."""
    return examples.finished() if isinstance(examples, LazyBatch) else examples
