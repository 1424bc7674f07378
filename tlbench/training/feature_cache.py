"""Features of a frozen backbone: computed once for each domain, kept in a memory-mapped file, shared by all runs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tlbench.caching import built
from tlbench.data.images.cache import ImageCache
from tlbench.data.images.rows import ImageRows
from tlbench.data.progress_bar import track
from tlbench.paths import cache_dir
from tlbench.training.predict import in_batches

CHUNK = 64
"""Images a forward pass, and what a killed extraction loses at most. Fixed: another number would move the last digits."""


def kept_features(backbone: nn.Module, digest: str, inputs: ImageRows, device: torch.device, name: str) -> np.ndarray:
    """Return features (N, out_dim) float32 of images as the test sees them.

    Args:
        backbone: in evaluation mode.
        digest: what identifies the network and its weights.
        name: how the progress bar calls it.
    """
    width = int(backbone.out_dim)  # type: ignore[arg-type]
    found = np.empty((len(inputs), width), dtype=np.float32)
    for number, cache in enumerate(inputs.caches):
        mine = inputs.cache_N == number
        if mine.any():
            whole = ImageRows.of(cache, inputs.augment)
            found[mine] = _of_domain(backbone, digest, cache, whole, width, device, name)[inputs.row_N[mine]]
    return found


def _of_domain(
    backbone: nn.Module, digest: str, cache: ImageCache, images: ImageRows, width: int, device: torch.device, name: str
) -> np.ndarray:
    """Return all features of a domain, mapped; made now where there are none, by one process only."""
    text = f"2 {cache.key} {images.augment.test_view} {digest} {width}"
    key = hashlib.sha256(text.encode()).hexdigest()[:20]
    folder = cache_dir() / "features"
    done = built(
        folder / f"{key}.bin", lambda part: _extract(backbone, images, width, device, part, name), "The feature cache"
    )
    return np.memmap(done, dtype=np.float32, mode="r", shape=(len(images), width))


def _extract(backbone: nn.Module, images: ImageRows, width: int, device: torch.device, part: Path, name: str) -> None:
    """Append chunk after chunk; whole chunks that an earlier process left are kept."""
    part.touch()
    size = CHUNK * width * 4
    chunks = part.stat().st_size // size
    os.truncate(part, chunks * size)
    backbone.to(device)
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)  # the other processes of a sweep wait for these features
    try:
        _append(backbone, images, chunks, device, part, name)
    finally:
        torch.set_num_threads(threads)


def _append(backbone: nn.Module, images: ImageRows, chunks: int, device: torch.device, part: Path, name: str) -> None:
    with part.open("ab", buffering=0) as file, track(f"features of {name}", len(images), chunks * CHUNK) as advance:
        for start in range(chunks * CHUNK, len(images), CHUNK):
            rows = in_batches(backbone, images[start : start + CHUNK], device, CHUNK)
            file.write(np.ascontiguousarray(rows, dtype=np.float32).data)
            advance(len(rows))
