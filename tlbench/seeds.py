"""One seed, many independent and named streams of random numbers.

A stream depends on the run's seed and its own name only, so drawing more from one (a method's initialisation, say)
never shifts another (the order of the batches): methods of one seed see the same splits, weights and batches.
"""

from __future__ import annotations

import zlib

import numpy as np

LARGEST = 2**63 - 1
"""Seed, or other whole number, that tables of results can hold."""


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the NumPy generator called `names` of a run with this seed (>= 0)."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def torch_seed(seed: int, *names: str) -> None:
    """Seed torch's global generators (all devices) from the stream called `names`."""
    import torch  # here: a report draws too, and need not wait for torch

    torch.manual_seed(int(stream(seed, *names).integers(2**63)))
