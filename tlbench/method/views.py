"""Unlabelled target examples of a step, seen in one or more ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

X = TypeVar("X")
Y = TypeVar("Y")
TRAIN = "train"
VIEWS = {
    TRAIN: "as the recipe changes training examples",
    "again": "another draw of the same",
    "strong": "changed more: images as in training and then by RandAugment, arrays by noise, shifts and zeros",
    "strong_again": "another draw of strong",
    "plain": "as the test sees them",
}
"""What the examples of a step may look like; each is drawn from a stream of its own."""
DRAWN_AS = {"again": TRAIN, "strong_again": "strong"}
"""Views that are another draw of one."""


@dataclass(frozen=True)
class TargetBatch(Generic[X]):
    """B unlabelled target examples. No labels, by design.

    Attributes:
        views: by name, the same examples in the same order; `train` is always there.
        rows: (B,) of the examples in `Task.target`: for what a method keeps of each.
    """

    views: Mapping[str, X]
    rows: Tensor

    @classmethod
    def of(cls, train: Any, **more: Any) -> TargetBatch[Any]:
        """Take examples as rows 0, 1, ... of a target."""
        return TargetBatch({TRAIN: train, **more}, torch.arange(len(train)))

    @property
    def train(self) -> X:
        return self.views[TRAIN]

    def each(self, change: Callable[[X], Y], rows: Callable[[Tensor], Tensor] = lambda rows: rows) -> TargetBatch[Y]:
        """Return the batch with every view, and the rows, changed."""
        return TargetBatch({name: change(view) for name, view in self.views.items()}, rows(self.rows))
