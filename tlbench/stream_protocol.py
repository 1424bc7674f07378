"""A target that comes as a stream: each example is predicted once, on arrival, and nothing of it is known before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from tlbench.protocols import STRICT, Transductive
from tlbench.seeds import LARGEST, stream

Order = Literal["shuffled", "by_class"]


@dataclass(frozen=True)
class Stream:
    """The order in which test examples come.

    Attributes:
        order_N: places of the test examples, the first to come first.
        batch_size: examples that come together; the last batch is what is left.
        episodic: whoever predicts forgets each batch before the next.
    """

    order_N: np.ndarray
    batch_size: int
    episodic: bool = False

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the places of one batch after the other."""
        for start in range(0, len(self.order_N), self.batch_size):
            yield self.order_N[start : start + self.batch_size]

    def __len__(self) -> int:
        return -(-len(self.order_N) // self.batch_size)


@checked(frozen=True, kw_only=True, config=STRICT)
class Online(Transductive):
    """The whole target is a stream of test examples in one pass, with no shots; the whole source was there before.

    Args:
        order: `shuffled` by seed, or `by_class`: one class after the other, in an order drawn by seed. The latter is made with
            the labels, as a camera that passes one kind of thing after the other would; it is known to break methods that take
            a batch for a sample of all classes.
        stream_batch: examples that come together (authors of test-time methods: 200, 128 or 64).
        episodic: methods go back to the source model before each batch.
    """

    shots: Annotated[int, Field(ge=0, le=0)] = 0
    order: Order = "shuffled"
    stream_batch: Annotated[int, Field(ge=1, le=LARGEST)] = 64
    episodic: bool = False

    @property
    def draws(self) -> bool:
        return True

    def _name(self) -> str:
        how = [self.order, f"batches of {self.stream_batch}", *(["episodic"] if self.episodic else [])]
        return f"online {', '.join(how)}"

    def stream(self, labels_N: np.ndarray, seed: int) -> Stream:
        """Return the order of test examples with these labels; `shuffled` does not look at them."""
        rng = stream(seed, "stream")
        order_N = rng.permutation(len(labels_N))
        if self.order == "by_class":
            rank = rng.permutation(labels_N.max() + 1)
            order_N = order_N[np.argsort(rank[labels_N[order_N]], kind="stable")]
        return Stream(order_N, self.stream_batch, self.episodic)
