"""Whole sets as a network sees them now, for methods that look at them from time to time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

Look = tuple[Tensor, Tensor]
"""Features (N, F) and class probabilities (N, C), row by row of the set."""


@dataclass(frozen=True)
class Pools:
    """What a method may look at between two steps: as the test sees examples, in evaluation mode, without a gradient or a draw.

    Attributes:
        target: of the unlabelled target, row by row of `Task.target`: the rows that batches name.
        labelled: of a labelled set by its number, the source being 0.
        held_out: of `Task.source_val`, row by row, the logits (V, C) of a network, which need not be the one that predicts; None
            where nothing is held out.
    """

    target: Callable[[], Look]
    labelled: Callable[[int], Look]
    held_out: Callable[[nn.Module], Tensor] | None = None
