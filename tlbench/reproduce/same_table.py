"""Which overrides leave a table what it is."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.sweeping.overrides import key_of

ELSEWHERE = ("data_dir", "logger", "store")
ONE_DEVICE = ("trainer=auto", "trainer=cpu", "trainer=gpu")


def same_table(overrides: Sequence[str]) -> bool:
    """Tell whether none of them changes what is run: only where its data lie, where it is logged, on which device."""
    return all(key_of(o) in ELSEWHERE or o in ONE_DEVICE for o in overrides)
