"""A long run keeps its state from time to time, and goes on from there when it was ended from outside."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytorch_lightning as pl
import torch

from tlbench.training.checkpoints import Checkpoint

if TYPE_CHECKING:
    from tlbench.training.batches import PairedBatches
    from tlbench.training.module import AdaptationModule
    from tlbench.training.snapshots import Snapshots


class KeepState(pl.Callback):
    """Writes weights, optimiser, schedule, random state, checkpoints taken and history every `every` steps.

    Lightning writes and reads the file, with tensors and plain values only (`weights_only`).

    Args:
        path: replaced at one stroke.
        batches: told where to go on.
    """

    def __init__(self, path: Path, every: int, batches: PairedBatches, snapshots: Snapshots) -> None:
        self.path, self.every, self.batches, self.snapshots = path, every, batches, snapshots
        self._kept_at = 0
        self._random: dict[str, Any] | None = None
        self._module: AdaptationModule | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pl_module = cast("AdaptationModule", pl_module)
        self._module = pl_module

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        pl_module = cast("AdaptationModule", pl_module)
        self._module = pl_module
        self.batches.start = self._kept_at = int(checkpoint["global_step"])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._random is not None:
            torch.set_rng_state(self._random["cpu"])
            if torch.cuda.is_available() and self._random["cuda"] is not None:
                torch.cuda.set_rng_state(self._random["cuda"])
            self._random = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._kept_at or step % self.every or step >= self.batches.steps:
            return
        self._kept_at = step
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".part")
        try:
            trainer.save_checkpoint(aside)
            if trainer.is_global_zero:
                os.replace(aside, self.path)
        except BaseException:  # a full disk: half a state is no state, and takes room
            aside.unlink(missing_ok=True)
            raise

    def state_dict(self) -> dict[str, Any]:
        assert self._module is not None
        self._module.settle_history()
        taken = [
            (c.step, torch.from_numpy(c.test), _tensor(c.source_val), dict(c.scores), _tensors(c.outlook))
            for c in self.snapshots.taken
        ]
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return {
            "history": self._module.history,
            "taken": taken,
            "random": {"cpu": torch.get_rng_state(), "cuda": cuda},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        assert self._module is not None
        self._module.history = list(state_dict["history"])
        self.snapshots.taken = [
            Checkpoint(step, test.numpy(), None if val is None else val.numpy(), scores, _arrays(outlook))
            for step, test, val, scores, outlook in state_dict["taken"]
        ]
        self._random = state_dict["random"]


def _tensor(array: Any) -> torch.Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def usable(path: Path | None) -> str | None:
    """Return the path of a kept state that can be read, for `Trainer.fit`; a damaged file is removed."""
    if path is None or not path.is_file():
        return None
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever is wrong with it: the run begins anew
        warnings.warn(
            f"The state of an interrupted run, '{path}', cannot be read ({error}): it begins anew.", stacklevel=2
        )
        path.unlink(missing_ok=True)
        return None
    return str(path)
