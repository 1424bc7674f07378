"""Thread pools whose threads each work alone, and work done ahead of the one who waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")


def pool_of(threads: int) -> ThreadPoolExecutor:
    """Make a pool in whose threads torch uses one thread: its own ones on top of these would wait for each other."""
    return ThreadPoolExecutor(threads, initializer=_alone)


shared_pool = cache(pool_of)
"""The pool of so many threads that crops and decoding share."""


def _alone() -> None:
    # not `torch.set_num_threads(1)`: that would take the whole process's threads of matrix products away
    torch.get_num_threads()  # makes torch set this thread up now, not after the limit
    threadpool_limits(1, user_api="openmp")


def in_order(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], ahead: int) -> Iterator[R]:
    """Yield `work` of each item as `pool.map` does, but start at most `ahead` items before the one that is waited for."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
