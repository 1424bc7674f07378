"""The device of a run, and how it multiplies."""

from __future__ import annotations

import torch

from tlbench.errors import TlbenchError
from tlbench.training.settings import TrainerConfig


def device_of(accelerator: str) -> torch.device:
    """Return the device that a run uses; `auto` takes a CUDA GPU where there is one, else the processor."""
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise TlbenchError("trainer.accelerator=gpu, but torch sees no GPU here. Use trainer=cpu or trainer=auto.")
    return torch.device("cuda" if accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def set_arithmetic(hardware: TrainerConfig) -> None:
    """Set TF32 for matrix products and convolutions alike, or for neither, whatever an earlier run of the process had."""
    torch.set_float32_matmul_precision("high" if hardware.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = hardware.tf32
