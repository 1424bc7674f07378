"""Forward passes over whole arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from tlbench.data.domain import Inputs, dense_float32
from tlbench.data.images.rows import ImageRows


@torch.inference_mode()
def in_batches(
    forward: Callable[[Tensor], Tensor], inputs: Inputs, device: torch.device, batch_size: int | None = None
) -> np.ndarray:
    """`forward` over (N, ...) inputs in batches; (N, K) float32."""
    parts = []
    if batch_size is None:
        batch_size = 64 if isinstance(inputs, ImageRows) else 512
    for start in range(0, inputs.shape[0], batch_size):
        part = inputs[start : start + batch_size]
        if isinstance(part, ImageRows):
            x = part.plain().to(device).finished()
        else:
            x = torch.from_numpy(dense_float32(part)).to(device)
        parts.append(forward(x).float().cpu())
    return torch.cat(parts).numpy()


def frozen_features(backbone: nn.Module, inputs: Inputs, device: torch.device) -> np.ndarray:
    """Features (N, out_dim) of a backbone in evaluation mode."""
    return in_batches(backbone.to(device).eval(), inputs, device)
