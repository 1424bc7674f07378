"""Lets a method look at whole sets before every so many steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from tlbench.method.pools import Look, Pools
from tlbench.training.predict import in_batches

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.method.gradient import GradientMethod
    from tlbench.tasks import Task
    from tlbench.training.module import AdaptationModule


class Refresh(pl.Callback):
    """Calls `refresh` before the first step and before every `look_every`-th after it.

    A run that goes on from a kept state does what it would have done: what a look leaves is in the method's buffers, and it draws
    nothing.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self._done_at: int | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        method, step = cast("AdaptationModule", pl_module).method, trainer.global_step
        if method.look_every is None or step % method.look_every or self._done_at == step:
            return
        self._done_at = step  # the parts of one step are several batches
        pl_module.eval()
        method.progress = step / method.steps
        method.refresh(pools_of(method, self.task, pl_module.device))
        pl_module.train()


def pools_of(method: GradientMethod, task: Task, device: torch.device) -> Pools:
    """Return the sets of a task as a method sees them now; it must be in evaluation mode."""

    def seen(inputs: Inputs, domain: str) -> Look:
        method.see(domain)
        both = torch.from_numpy(in_batches(lambda x: torch.cat(method.outputs(x), dim=1), inputs, device)).to(device)
        features, probabilities = both.split(
            [method.network.feature_dim, both.shape[1] - method.network.feature_dim], dim=1
        )
        return features, probabilities

    def logits(inputs: Inputs, network: nn.Module) -> Tensor:
        method.see("source")
        return torch.from_numpy(in_batches(lambda x: network(x)[1], inputs, device)).to(device)

    sets, val = method.labelled(task), task.source_val
    return Pools(
        lambda: seen(task.target, "target"),
        lambda i: seen(sets[i].inputs, method.domains[i]),
        None if val is None else partial(logits, val.inputs),
    )
