"""Thread pools whose threads each work alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from threadpoolctl import threadpool_limits


def pool_of(threads: int) -> ThreadPoolExecutor:
    """A pool in whose threads torch uses one thread: its own ones on top of these would wait for each other."""
    return ThreadPoolExecutor(threads, initializer=_alone)


shared_pool = cache(pool_of)
"""The pool of so many threads that crops and decoding share."""


def _alone() -> None:
    # not `torch.set_num_threads(1)`: that would take the whole process's threads of matrix products away
    torch.get_num_threads()  # makes torch set this thread up now, not after the limit
    threadpool_limits(1, user_api="openmp")
