"""The examples of many runs in one array, each set that several of them share only once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor


class RowPool:
    """Sets of rows, one a run, one after the other in one tensor.

    Args:
        sets: (N_i, ...) of each run; the N_i may differ, all else is equal.
    """

    def __init__(self, sets: Sequence[Tensor], device: torch.device) -> None:
        places: dict[bytes, int] = {}
        kept: list[Tensor] = []
        starts, end = [], 0
        for rows in sets:
            content = hashlib.blake2b(np.ascontiguousarray(rows.numpy()).data, digest_size=16).digest()
            if content not in places:
                places[content], end = end, end + len(rows)
                kept.append(rows)
            starts.append(places[content])
        self.held, self.starts_K1 = torch.cat(kept).to(device), torch.tensor(starts, device=device)[:, None]

    def take(self, rows_KB: Tensor) -> Tensor:
        """Return (K, B, ...): rows of the set of each run, numbered from 0 in each."""
        places = (rows_KB + self.starts_K1).flatten()
        return self.held.index_select(0, places).unflatten(0, rows_KB.shape)


def rows_ahead(orders: Sequence[Iterator[np.ndarray]], steps: int, device: torch.device) -> Tensor:
    """Return (steps, K, B) the row numbers of the next steps of K runs."""
    return torch.from_numpy(np.array([[next(order) for order in orders] for _ in range(steps)])).to(device)
