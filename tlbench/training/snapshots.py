"""Takes checkpoints while Lightning trains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytorch_lightning as pl

from tlbench.training.checkpoints import Checkpoint
from tlbench.training.look import Look

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.training.module import AdaptationModule
    from tlbench.training.validator_probe import Probe


@dataclass
class Snapshots(pl.Callback):
    """Takes a Checkpoint after each of `steps` (numbers of steps done)."""

    steps: frozenset[int]
    test: Inputs
    source_val: Inputs | None
    probe: Probe | None = None
    taken: list[Checkpoint] = field(default_factory=list)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step not in self.steps or (self.taken and self.taken[-1].step == trainer.global_step):
            return
        module = pl_module
        module = cast("AdaptationModule", module)
        module.settle_history()
        module.eval()
        look = Look(module.method, module.device, trainer.global_step)
        self.taken.append(checkpoint_of(look, self.test, self.source_val, self.probe))
        module.train()


def checkpoint_of(look: Look, test: Inputs, source_val: Inputs | None, probe: Probe | None) -> Checkpoint:
    """Return the checkpoint of a method as it is now. Raises Diverged where what it gives is not finite."""
    val = None if source_val is None else look.probabilities(source_val, "source")
    checkpoint = Checkpoint(look.step, look.probabilities(test, "target"), val)
    if probe is None:
        return checkpoint
    scores, outlook = probe.look(look)
    return replace(checkpoint, scores=scores, outlook=outlook)
