"""Forward passes over whole arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn

from tlbench.data.domain import Inputs, dense_float32
from tlbench.data.images.rows import ImageBatch, ImageRows


@torch.inference_mode()
def in_batches(
    forward: Callable[[Tensor], Tensor], inputs: Inputs, device: torch.device, batch_size: int | None = None
) -> np.ndarray:
    """`forward` over (N, ...) inputs in batches; (N, K) float32."""
    if batch_size is None:
        batch_size = 64 if isinstance(inputs, ImageRows) else 512
    starts = range(0, inputs.shape[0], batch_size)
    parts = [forward(x).float().cpu() for x in _ready((inputs[s : s + batch_size] for s in starts), device)]
    return torch.cat(parts).numpy()


def _ready(parts: Iterator[Inputs], device: torch.device) -> Iterator[Tensor]:
    """Inputs as the network takes them, on the device; images for a GPU are gathered ahead."""
    if device.type == "cpu":
        for part in parts:
            yield part.plain().finished() if isinstance(part, ImageRows) else torch.from_numpy(dense_float32(part))
        return

    def gathered(part: Inputs) -> ImageBatch | Tensor:
        if isinstance(part, ImageRows):
            return part.plain().gathered(pinned=True)
        return torch.from_numpy(dense_float32(part))

    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[ImageBatch | Tensor]] = deque()
        for part in parts:
            waiting.append(pool.submit(gathered, part))
            if len(waiting) > 2:
                yield _moved(waiting.popleft().result(), device)
        while waiting:
            yield _moved(waiting.popleft().result(), device)


def _moved(part: ImageBatch | Tensor, device: torch.device) -> Tensor:
    return part.to(device).finished() if isinstance(part, ImageBatch) else part.to(device)


def frozen_features(backbone: nn.Module, inputs: Inputs, device: torch.device) -> np.ndarray:
    """Features (N, out_dim) of a backbone in evaluation mode."""
    return in_batches(backbone.to(device).eval(), inputs, device)
