"""One gradient method through Lightning."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import RichProgressBar
from torch.multiprocessing import ProcessRaisedException

from tlbench.data.inputs import Inputs
from tlbench.loggers import Log, log_terms
from tlbench.method.gradient import GradientMethod
from tlbench.seeds import torch_seed
from tlbench.tasks import Task
from tlbench.training.checkpoints import Checkpoint, evaluation_steps
from tlbench.training.module import AdaptationModule
from tlbench.training.multi_device import HandOver, divergence_in, handed_over
from tlbench.training.refresh import Refresh
from tlbench.training.resume import KeepState
from tlbench.training.run_batches import batches_of, made_ready
from tlbench.training.settings import OptimConfig, TrainerConfig
from tlbench.training.snapshots import Snapshots
from tlbench.training.trainer import make_trainer, run_trainer
from tlbench.training.validator_probe import make_probe

if TYPE_CHECKING:
    from tlbench.training.batches import PairedBatches


def fit_gradient(
    method: GradientMethod,
    task: Task,
    test: Inputs,
    optim: OptimConfig,
    hardware: TrainerConfig,
    *,
    seed: int,
    validators: int,
    logger: Log | None = None,
    resume: Path | None = None,
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Train for `optim.steps`; return the checkpoints and the terms of every step.

    Args:
        test: inputs of the test examples, predicted at each checkpoint.
        validators: examples of each domain that label-free validators look at.
        resume: file for the run's state every `trainer.checkpoint_steps`; where it is there, the run goes on from it.
    """
    source_val = None if task.source_val is None else task.source_val.inputs
    probe = make_probe(task, validators, seed)
    steps = evaluation_steps(optim.steps, optim.evaluations)
    snapshots = Snapshots(steps, test, source_val, probe)
    made_ready(method, task)
    callbacks: list[pl.Callback] = [Refresh(task), snapshots] if method.look_every is not None else [snapshots]
    if hardware.progress:
        callbacks.append(RichProgressBar(refresh_rate=10))
    batches = batches_of(method, task, optim, hardware, seed)
    batches.check_parts(hardware.devices)
    if resume is not None:
        callbacks.append(KeepState(resume, hardware.checkpoint_steps, batches, snapshots))
    module = AdaptationModule(method, optim, hardware.accumulate, compiled=hardware.compile)
    if hardware.channels_last:
        method.to(memory_format=torch.channels_last)
    torch_seed(seed, "training")
    if hardware.devices > 1:
        return _on_several(module, batches, snapshots, hardware, callbacks, logger, resume)
    trainer = make_trainer(hardware, max_steps=optim.steps, callbacks=callbacks, logger=logger)
    run_trainer(trainer, module, batches, resume)
    module.settle_history()
    return snapshots.taken, module.history


def _on_several(
    module: AdaptationModule,
    batches: PairedBatches,
    snapshots: Snapshots,
    hardware: TrainerConfig,
    callbacks: list[pl.Callback],
    logger: Log | None,
    resume: Path | None,
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Do as `fit_gradient` in one process a device; the logger stays in this one and gets the curves at the end."""
    with tempfile.TemporaryDirectory() as folder:
        callbacks = [*callbacks, HandOver(Path(folder), snapshots)]
        trainer = make_trainer(hardware, max_steps=batches.steps, callbacks=callbacks)
        try:
            run_trainer(trainer, module, batches, resume)
        except ProcessRaisedException as error:
            raise divergence_in(str(error)) or error from error
        checkpoints, history = handed_over(Path(folder))
    log_terms(logger, history, len(history))
    return checkpoints, history
