"""One gradient method through Lightning."""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
import warnings
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.accelerators import CUDAAccelerator
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.loggers import Logger
from torch.multiprocessing import ProcessRaisedException

from tlbench.config.schema import RunConfig, TrainerConfig
from tlbench.errors import TlbenchError
from tlbench.loggers import log_terms
from tlbench.method.gradient import GradientMethod
from tlbench.seeds import torch_seed
from tlbench.task import HeldOut, Task
from tlbench.training.ahead import Ahead
from tlbench.training.batches import PairedBatches
from tlbench.training.checkpoints import Checkpoint, evaluation_steps
from tlbench.training.device import device_of
from tlbench.training.module import AdaptationModule
from tlbench.training.probe import make_probe
from tlbench.training.resume import KeepState, usable
from tlbench.training.several import HandOver, divergence_in, handed_over, rank_and_world
from tlbench.training.snapshots import Snapshots


def fit_gradient(
    method: GradientMethod,
    task: Task,
    held_out: HeldOut,
    config: RunConfig,
    logger: Logger | None = None,
    resume: Path | None = None,
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """Trains for `optim.steps`; returns the checkpoints and the terms of every step.

    Only the inputs of the held-out test part are used here, never its labels.

    Args:
        resume: file for the run's state every `trainer.checkpoint_steps`; where it is there, the run goes on from it.
    """
    optim, hardware = config.optim, config.trainer
    source_val = None if task.source_val is None else task.source_val.inputs
    probe = make_probe(task, config.validators, config.seed)
    steps = evaluation_steps(optim.steps, optim.evaluations)
    snapshots = Snapshots(steps, held_out.test.inputs, source_val, probe)
    callbacks: list[pl.Callback] = [snapshots]
    if hardware.progress:
        callbacks.append(RichProgressBar(refresh_rate=10))
    batches = PairedBatches(
        method.labelled(task),
        task.target if method.needs_target else None,
        batch_size=optim.batch_size,
        steps=optim.steps,
        seed=config.seed,
        part=rank_and_world,
        balanced=optim.balanced,
        accumulate=hardware.accumulate,
    )
    parts, smallest = hardware.devices * hardware.accumulate, min(batches.shares)
    if parts > 1 and smallest < 2 * parts:
        raise TlbenchError(
            f"A batch of {optim.batch_size} holds {smallest} examples of the smallest labelled set, fewer than two for each of "
            f"{hardware.devices} devices x {hardware.accumulate} parts. Raise optim.batch_size, or lower trainer.devices or "
            "trainer.accumulate."
        )
    if resume is not None:
        callbacks.append(KeepState(resume, hardware.checkpoint_steps, batches, snapshots))
    module = AdaptationModule(method, optim, hardware.accumulate, compiled=hardware.compile)
    if hardware.channels_last:
        method.to(memory_format=torch.channels_last)
    torch_seed(config.seed, "training")
    if hardware.devices > 1:
        return _on_several(module, batches, snapshots, config, callbacks, logger, resume)
    trainer = make_trainer(hardware, max_steps=optim.steps, callbacks=callbacks, logger=logger)
    _fit(trainer, module, batches, resume)
    module.settle_history()
    return snapshots.taken, module.history


def _fit(trainer: pl.Trainer, module: AdaptationModule, batches: PairedBatches, resume: Path | None) -> None:
    """`trainer.fit`, but Ctrl-C stays a KeyboardInterrupt: Lightning ignores the signal from then on and exits with 1."""
    handler = signal.getsignal(signal.SIGINT)
    on_gpu = isinstance(trainer.accelerator, CUDAAccelerator)
    loader = Ahead(batches, pinned=True) if on_gpu else batches
    try:
        trainer.fit(module, loader, ckpt_path=usable(resume), weights_only=True)
    except SystemExit as error:
        raise KeyboardInterrupt from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _on_several(
    module: AdaptationModule,
    batches: PairedBatches,
    snapshots: Snapshots,
    config: RunConfig,
    callbacks: list[pl.Callback],
    logger: Logger | None,
    resume: Path | None,
) -> tuple[list[Checkpoint], list[dict[str, float]]]:
    """As `fit_gradient`, in one process a device; the logger stays in this one and gets the curves at the end."""
    with tempfile.TemporaryDirectory() as folder:
        callbacks = [*callbacks, HandOver(Path(folder), snapshots)]
        trainer = make_trainer(config.trainer, max_steps=config.optim.steps, callbacks=callbacks)
        try:
            _fit(trainer, module, batches, resume)
        except ProcessRaisedException as error:
            raise divergence_in(str(error)) or error from error
        checkpoints, history = handed_over(Path(folder))
    log_terms(logger, history, len(history))
    return checkpoints, history


def make_trainer(
    hardware: TrainerConfig, *, max_steps: int, callbacks: list[pl.Callback], logger: Logger | None = None
) -> pl.Trainer:
    """A Lightning trainer that trains for `max_steps` and nothing else: no checkpoint files."""
    device = device_of(hardware.accelerator)
    if hardware.precision == "16-mixed" and device.type == "cpu":
        raise TlbenchError("trainer.precision=16-mixed needs a GPU; a processor has bf16-mixed.")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    return pl.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=hardware.devices,
        strategy="ddp_spawn" if hardware.devices > 1 else "auto",
        precision=hardware.precision,
        accumulate_grad_batches=hardware.accumulate,
        max_steps=max_steps,
        max_epochs=1,
        callbacks=callbacks,
        logger=logger or False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=hardware.progress,
        num_sanity_val_steps=0,
        deterministic="warn",
        use_distributed_sampler=False,
    )
