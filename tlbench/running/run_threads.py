"""The threads that a run computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tlbench import environment
from tlbench.running.setup import Setup


@contextmanager
def threads_of(setup: Setup) -> Iterator[None]:
    """Use as many threads as the config says, if it says."""
    threads = setup.config.trainer.threads
    with environment.thread_pools().limit(limits=threads or None):
        if threads and setup.needs_torch:
            import torch

            torch.set_num_threads(threads)
        yield
