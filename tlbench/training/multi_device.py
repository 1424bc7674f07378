"""Several devices: Lightning trains in processes of its own, and the first of them hands over what it saw in a file.

Processes that are spawned, not the command run again for each device: the run holds its lock once, and a sweep's worker
may start them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytorch_lightning as pl
import torch.distributed

from tlbench.errors import Diverged
from tlbench.training.checkpoints import Checkpoint

if TYPE_CHECKING:
    from tlbench.training.module import AdaptationModule
    from tlbench.training.snapshots import Snapshots

FILE = "handover.npz"


def rank_and_world() -> tuple[int, int]:
    """Return the number of this process and of all processes that train together; (0, 1) where it trains alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


class HandOver(pl.Callback):
    """Writes the snapshots and the history of the first process into `folder` when the fit ends."""

    def __init__(self, folder: Path, snapshots: Snapshots) -> None:
        self.folder, self.snapshots = folder, snapshots

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module = cast("AdaptationModule", pl_module)
        pl_module.settle_history()
        if not trainer.is_global_zero:
            return
        arrays = {"steps": np.array([c.step for c in self.snapshots.taken])}
        for i, checkpoint in enumerate(self.snapshots.taken):
            arrays[f"test_{i}"] = checkpoint.test
            arrays |= {f"score_{i}_{name}": np.array(value) for name, value in checkpoint.scores.items()}
            arrays |= {f"outlook_{i}_{name}": array for name, array in checkpoint.outlook.items()}
            if checkpoint.source_val is not None:
                arrays[f"val_{i}"] = checkpoint.source_val
        for name in pl_module.history[0]:
            arrays[f"term_{name}"] = np.array([terms[name] for terms in pl_module.history])
        np.savez(self.folder / FILE, allow_pickle=False, **arrays)


def handed_over(folder: Path) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Return checkpoints and history as `HandOver` wrote them."""
    with np.load(folder / FILE, allow_pickle=False) as arrays:
        checkpoints = [
            Checkpoint(
                int(step),
                arrays[f"test_{i}"],
                arrays.get(f"val_{i}"),
                {name: float(value) for name, value in _named(arrays, f"score_{i}_").items()},
                _named(arrays, f"outlook_{i}_"),
            )
            for i, step in enumerate(arrays["steps"])
        ]
        terms = {name.removeprefix("term_"): arrays[name].tolist() for name in arrays if name.startswith("term_")}
    return checkpoints, [dict(zip(terms, values, strict=True)) for values in zip(*terms.values(), strict=True)]


def _named(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}


def divergence_in(text: str) -> Diverged | None:
    """Return the Diverged that ended a training process, read from its traceback: exceptions come back as text only."""
    found = re.search(r"Diverged: term '(.+)' is not finite at step (\d+)", text)
    return Diverged(int(found[2]), found[1]) if found else None
