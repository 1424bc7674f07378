"""Forward passes over whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn

from tlbench.data.images.threads import in_order
from tlbench.data.inputs import Inputs, LazyInputs, finished, gathered, plain

AHEAD = 3
"""Batches that are made ready for a GPU while it computes."""


@torch.inference_mode()
def in_batches(
    forward: Callable[[Tensor], Tensor], inputs: Inputs, device: torch.device, batch_size: int | None = None
) -> np.ndarray:
    """Run `forward` over (N, ...) inputs in batches; (N, K) float32."""
    if batch_size is None:
        batch_size = 64 if isinstance(inputs, LazyInputs) else 512
    starts = range(0, inputs.shape[0], batch_size)
    parts = [forward(x).float().cpu() for x in _ready((inputs[s : s + batch_size] for s in starts), device)]
    return torch.cat(parts).numpy()


def _ready(parts: Iterator[Inputs], device: torch.device) -> Iterator[Tensor]:
    """Yield inputs as the network takes them, on the device; those for a GPU are gathered ahead."""
    if device.type == "cpu":
        yield from (finished(plain(part)) for part in parts)
        return
    with ThreadPoolExecutor(1) as pool:
        for part in in_order(pool, lambda part: gathered(plain(part), pinned=True), parts, AHEAD):
            yield finished(part.to(device))


def frozen_features(backbone: nn.Module, inputs: Inputs, device: torch.device) -> np.ndarray:
    """Compute features (N, out_dim) of a backbone in evaluation mode."""
    return in_batches(backbone.to(device).eval(), inputs, device)
