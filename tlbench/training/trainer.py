"""Lightning's trainer, made to train and to do nothing else."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytorch_lightning as pl
from pytorch_lightning.accelerators import CUDAAccelerator
from pytorch_lightning.plugins.environments import LightningEnvironment

from tlbench.errors import TlbenchError
from tlbench.training.device import device_of
from tlbench.training.log_adapter import for_lightning
from tlbench.training.prefetch import Ahead
from tlbench.training.resume import usable

if TYPE_CHECKING:
    from tlbench.loggers import Log
    from tlbench.training.batches import PairedBatches
    from tlbench.training.module import AdaptationModule
    from tlbench.training.settings import TrainerConfig


def run_trainer(trainer: pl.Trainer, module: AdaptationModule, batches: PairedBatches, resume: Path | None) -> None:
    """Fit, but let Ctrl-C stay a KeyboardInterrupt: Lightning ignores the signal from then on and exits with 1."""
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


def make_trainer(
    hardware: TrainerConfig, *, max_steps: int, callbacks: list[pl.Callback], logger: Log | None = None
) -> pl.Trainer:
    """Make a Lightning trainer that trains for `max_steps` and nothing else: no checkpoint files."""
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
        logger=for_lightning(logger),
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=hardware.progress,
        num_sanity_val_steps=0,
        deterministic="warn",
        use_distributed_sampler=False,
        plugins=LightningEnvironment(),  # in a job of SLURM it would take the tasks for devices
    )
