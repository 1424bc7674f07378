"""What a run looks like at the points where a selection may stop it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytorch_lightning as pl

from tlbench.data.domain import Inputs
from tlbench.errors import Diverged
from tlbench.training.module import AdaptationModule
from tlbench.training.predict import in_batches


@dataclass(frozen=True)
class Checkpoint:
    """Class probabilities at one point of a run: (N, C) on the test part, (V, C) on source validation or None.

    Raises:
        Diverged: a probability is not finite. The last step's terms may have been, and its update not.
    """

    step: int
    test: np.ndarray
    source_val: np.ndarray | None

    def __post_init__(self) -> None:
        if not all(np.isfinite(p).all() for p in (self.test, self.source_val) if p is not None):
            raise Diverged(self.step, "prediction")


@dataclass
class Snapshots(pl.Callback):
    """Takes a Checkpoint after each of `steps` (numbers of steps done)."""

    steps: frozenset[int]
    test: Inputs
    source_val: Inputs | None
    taken: list[Checkpoint] = field(default_factory=list)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step not in self.steps or (self.taken and self.taken[-1].step == trainer.global_step):
            return
        module = pl_module
        assert isinstance(module, AdaptationModule)
        module.settle_history()
        module.eval()
        forward, network = module.method.predict_proba, module.method.network
        network.see("source")
        val = None if self.source_val is None else in_batches(forward, self.source_val, module.device)
        network.see("target")
        self.taken.append(Checkpoint(trainer.global_step, in_batches(forward, self.test, module.device), val))
        module.train()


def evaluation_steps(steps: int, evaluations: int) -> frozenset[int]:
    """`evaluations` numbers of steps, evenly spaced, the last of them `steps`."""
    return frozenset(round(steps * (i + 1) / evaluations) for i in range(evaluations))
