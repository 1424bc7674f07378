"""Data sets that are made on the spot, from nothing or from what libraries carry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tlbench.data.base_dataset import Dataset


class MadeDataset(Dataset):
    """Base of such data sets; the same on every machine with one set of library versions, as their fingerprint tells."""

    hashed: ClassVar[tuple[str, ...]] = ("inputs", "labels", "groups")
    """What of a domain its fingerprint is of."""

    def __init__(self, *, data_dir: str | Path | None = None, **base: Any) -> None:
        super().__init__(**base)

    def fingerprint(self, domains: Sequence[str]) -> str:
        whole = hashlib.sha256()
        for name in sorted(domains):
            domain = self.load(name)
            for part in self.hashed:
                whole.update(np.ascontiguousarray(getattr(domain, part)).tobytes())
        return whole.hexdigest()[:16]
