"""Paired batches from memory or an image cache: labelled examples and unlabelled target examples, without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest

import numpy as np
import torch
from torch import Tensor

from tlbench.data.array_views import strong_arrays
from tlbench.data.inputs import Examples, Inputs, LazyInputs, dense_float32
from tlbench.errors import TlbenchError
from tlbench.method.views import DRAWN_AS, TRAIN, TargetBatch
from tlbench.seeds import stream
from tlbench.tasks import Labelled
from tlbench.training.order import balanced, endless

Batch = tuple[list[tuple[Examples, Tensor]], TargetBatch[Examples] | None]


def share_out(total: int, sizes: Sequence[int]) -> list[int]:
    """Share `total` places in proportion to `sizes`, at least one each; the largest set takes the rounding."""
    shares = [max(1, round(total * size / sum(sizes))) for size in sizes]
    largest = int(np.argmax(sizes))
    shares[largest] += total - sum(shares)
    return shares


class PairedBatches:
    """Iterates over `steps` batches; the same seed gives the same batches, each set from a stream of its own.

    Args:
        labelled: sets that share `batch_size` places in proportion to their sizes, source first; with `equal` evenly.
        target: unlabelled target inputs, `batch_size` a step, or None.
        part: (rank, world), asked when iterating; this process takes every `world`-th example of each batch, from
            `rank` on.
        balanced: the labelled sets give all classes equally often, each its examples in turn.
        accumulate: each step's batch comes in so many parts, one after the other.
        views: of the target, see `tlbench.method.views.VIEWS`; more of them do not change what the first looks like.
        equal: the labelled sets have the same number of places, and so have the domains of each.
        domains: of each labelled set, the number of the domain of each example; None for one domain. Only looked at if `equal`.
            Domains come one after the other in a batch, each in the order that it would have as a set of its own.

    Attributes:
        start: step of the first batch, where a run goes on.
    """

    def __init__(
        self,
        labelled: Sequence[Labelled],
        target: Inputs | None,
        *,
        batch_size: int,
        steps: int,
        seed: int,
        part: Callable[[], tuple[int, int]] = lambda: (0, 1),
        balanced: bool = False,
        accumulate: int = 1,
        views: Sequence[str] = (TRAIN,),
        equal: bool = False,
        domains: Sequence[np.ndarray | None] = (),
    ) -> None:
        self.labelled = [(_held(s.inputs), torch.from_numpy(s.labels)) for s in labelled]
        self.target = None if target is None else _held(target)
        self.views, self.equal = views, equal
        self._parts = [
            _parts(len(s), of if equal else None) for s, of in zip_longest(labelled, domains[: len(labelled)])
        ]
        self.batch_size, self.steps, self.seed, self.part = batch_size, steps, seed, part
        self.balanced, self.accumulate, self.start = balanced, accumulate, 0
        self._spread: float | None = None

    def __len__(self) -> int:
        return self.steps * self.accumulate  # also where a run goes on: Lightning counts the batches before

    @property
    def shares(self) -> list[int]:
        """Places of each labelled set in a batch."""
        sizes = [1 if self.equal else len(labels) for _, labels in self.labelled]
        return share_out(self.batch_size, sizes) if sizes else []

    def check_parts(self, devices: int) -> None:
        """Raise TlbenchError where a part of a step on a device would hold fewer than two examples of a labelled set."""
        parts, smallest = devices * self.accumulate, min([*self.shares, self.batch_size])
        if parts > 1 and smallest < 2 * parts:
            raise TlbenchError(
                f"A batch of {self.batch_size} holds {smallest} examples of the smallest labelled set, fewer than two for each "
                f"of {devices} devices x {self.accumulate} parts. Raise optim.batch_size, or lower trainer.devices or "
                "trainer.accumulate."
            )

    def orders(self) -> tuple[list[Iterator[np.ndarray]], Iterator[np.ndarray] | None]:
        """Return the rows of each labelled set, and of the target, batch after batch from the first step of the run."""
        found, number = [], 0
        for (_, labels), parts, share in zip(self.labelled, self._parts, self.shares, strict=True):
            shares = share_out(share, [1] * len(parts))
            rngs = [stream(self.seed, "batches", str(number + i)) for i in range(len(parts))]
            number += len(parts)
            found.append(_together([
                (rows, balanced(labels.numpy()[rows], n, rng) if self.balanced else endless(len(rows), n, rng))
                for rows, n, rng in zip(parts, shares, rngs, strict=True)
            ]))  # fmt: skip
        if self.target is None:
            return found, None
        return found, endless(len(self.target), self.batch_size, stream(self.seed, "batches", "target"))

    def __iter__(self) -> Iterator[Batch]:
        rank, world = self.part()
        orders, target_order = self.orders()
        orders = [islice(order, self.start, None) for order in orders]
        target_order = None if target_order is None else islice(target_order, self.start, None)
        for step in range(self.start, self.steps):
            rows = [next(order) for order in orders]
            target_rows = None if target_order is None else next(target_order)
            for turn in range(self.accumulate):
                # a device takes every world-th example; a part of a step every accumulate-th of those
                mine = slice(rank + turn * world, None, world * self.accumulate)
                parts = [
                    (self._picked(x, r, mine, str(i), step), y[torch.from_numpy(r[mine])])
                    for i, ((x, y), r) in enumerate(zip(self.labelled, rows, strict=True))
                ]
                target = None
                if self.target is not None and target_rows is not None:
                    views = {view: self._seen(view, self.target, target_rows, mine, step) for view in self.views}
                    target = TargetBatch(views, torch.from_numpy(target_rows[mine]))
                yield parts, target

    def _picked(self, held: Tensor | LazyInputs, rows: np.ndarray, mine: slice, name: str, step: int) -> Examples:
        if isinstance(held, Tensor):
            return held[torch.from_numpy(rows[mine])]
        return held[rows].drawn(stream(self.seed, "augment", name, str(step)), mine)

    def _seen(self, view: str, held: Tensor | LazyInputs, rows: np.ndarray, mine: slice, step: int) -> Examples:
        """Return a view of target rows; `train` is from the stream that it always had."""
        if view == TRAIN:
            return self._picked(held, rows, mine, "target", step)
        rng = stream(self.seed, "augment", "target", str(step), view)
        kind = DRAWN_AS.get(view, view)
        if isinstance(held, LazyInputs):
            return held[rows[mine]].plain() if kind == "plain" else held[rows].viewed(kind).drawn(rng, mine)
        examples = held[torch.from_numpy(rows)]
        return (strong_arrays(examples, self._sd(held), rng) if kind == "strong" else examples)[mine]

    def _sd(self, held: Tensor) -> float:
        if self._spread is None:
            self._spread = float(held.std())
        return self._spread


def _parts(n: int, domain_N: np.ndarray | None) -> list[np.ndarray]:
    """Return the rows of each domain of a set."""
    return [np.arange(n)] if domain_N is None else [np.flatnonzero(domain_N == d) for d in np.unique(domain_N)]


def _together(parts: Sequence[tuple[np.ndarray, Iterator[np.ndarray]]]) -> Iterator[np.ndarray]:
    """Yield the rows of a set, batch after batch, from orders of its parts."""
    while True:
        yield np.concatenate([rows[next(order)] for rows, order in parts])


def _held(inputs: Inputs) -> Tensor | LazyInputs:
    return inputs if isinstance(inputs, LazyInputs) else torch.from_numpy(dense_float32(inputs))
