"""Decoded images of one domain in one memory-mapped file, made once and shared by all runs and processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from tlbench.caching import built
from tlbench.data.images.threads import in_order, pool_of
from tlbench.data.progress_bar import track
from tlbench.paths import cache_dir

if TYPE_CHECKING:
    from tlbench.data.images.image_files import ImageFiles

T = TypeVar("T")
CHUNK = 256
"""Images between two entries in the index: what a killed build loses at most."""
TASK = 16
"""Images that a thread takes at a time."""
INDEX = np.dtype([("end", "<i8"), ("height", "<i4"), ("width", "<i4")])


@dataclass(frozen=True)
class ImageCache:
    """N images as one file of records: raw (H, W, 3) uint8, or JPEG.

    Attributes:
        key: hash of content and policy.
        folder: holds `pixels.bin`, `index.bin` and `about.json`.
    """

    key: str
    folder: Path

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def index(self) -> np.ndarray:
        """(N,) records: end of each in bytes, height, width."""
        return np.fromfile(self.folder / "index.bin", dtype=INDEX)

    @cached_property
    def jpeg(self) -> bool:
        return bool(json.loads((self.folder / "about.json").read_text("utf-8"))["jpeg"])

    @cached_property
    def _bytes(self) -> Tensor:
        mapped = np.memmap(self.folder / "pixels.bin", dtype=np.uint8, mode="r")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # and nobody writes
            return torch.from_numpy(mapped)

    @cached_property
    def whole(self) -> Tensor | None:
        """All pixels as (N, S, S', 3), where all images have one size and are raw; else None."""
        heights, widths = np.unique(self.index["height"]), np.unique(self.index["width"])
        if self.jpeg or len(heights) > 1 or len(widths) > 1:
            return None
        return self._bytes.view(len(self), int(heights[0]), int(widths[0]), 3)

    def image(self, i: int) -> Tensor:
        """Return pixels (1, 3, H, W) of one image, uint8, channels last; raw ones are not copied."""
        if self.whole is not None:
            return self.whole[i : i + 1].permute(0, 3, 1, 2)
        end, height, width = (int(v) for v in self.index[i])
        start = int(self.index["end"][i - 1]) if i else 0
        record = self._bytes[start:end]
        if self.jpeg:
            from torchvision.io import ImageReadMode, decode_jpeg

            return decode_jpeg(record, mode=ImageReadMode.RGB)[None]
        return record.view(1, height, width, 3).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Storage:
    """How images are kept.

    Args:
        resize: applied to each image after decoding.
        name: of the resize policy, part of the key.
        quality: of JPEG records.
        raw_limit_gb: raw records up to this size of the whole domain (10^9 bytes), JPEG records above.
        record_bytes: size of a raw record where all have one size; else 0.
    """

    resize: Callable[[Tensor], Tensor]
    name: str
    quality: int
    raw_limit_gb: float
    record_bytes: int = 0

    def wants_jpeg(self, sizes: Sequence[int], n: int) -> bool:
        """Tell whether n images, the first of which take `sizes` bytes, would exceed the limit."""
        return n * float(np.mean(sizes)) > self.raw_limit_gb * 1e9


def open_cache(images: ImageFiles, storage: Storage, what: str) -> ImageCache:
    """Return the cache of a domain, built now unless it is there. Only one process builds; a build that died is carried on.

    Args:
        what: how the progress bar calls it.

    Raises:
        BadImage: an image cannot be read.
        TlbenchError: the cache folder cannot be written.
    """
    text = f"2 {images.content} {storage.name} {storage.quality} {storage.raw_limit_gb}"
    key = hashlib.sha256(text.encode()).hexdigest()[:20]
    folder = cache_dir() / "images"
    return ImageCache(key, built(folder / key, lambda part: _build(images, storage, part, what), "The image cache"))


def _build(images: ImageFiles, storage: Storage, part: Path, what: str) -> None:
    """Decode in parallel; the index is written after the pixels that it names.

    Records of one known size are written where they belong by whoever made them, all others in order by one.
    """
    part.mkdir(exist_ok=True)
    done = _kept(part)
    jpeg = _encoding(images, storage, part)
    size = 0 if jpeg else storage.record_bytes
    threads, n = os.cpu_count() or 1, len(images.names)
    with (
        pool_of(threads) as pool,
        (part / "pixels.bin").open("r+b", buffering=0) as pixels_file,
        (part / "index.bin").open("ab", buffering=0) as index_file,
        track(f"decoding {what}", n, done) as advance,
    ):
        end = pixels_file.seek(0, os.SEEK_END)
        if size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(pixels_file.fileno(), 0, n * size)  # a full disk is told now; and writing is faster

        def record(i: int) -> tuple[memoryview | None, int, int, int]:
            pixels = storage.resize(images.read(i)).contiguous()
            height, width = pixels.shape[:2]
            if jpeg:
                from torchvision.io import encode_jpeg

                pixels = encode_jpeg(pixels.permute(2, 0, 1).contiguous(), quality=storage.quality)
            content = pixels.numpy().data.cast("B") if pixels.dim() == 1 else pixels.flatten().numpy().data
            if size:
                _write_all(pixels_file.fileno(), content, i * size)
            return None if size else content, len(content), height, width

        def records(start: int) -> list[tuple[memoryview | None, int, int, int]]:
            return [record(i) for i in range(start, min(start + TASK, n))]

        rows, filled = np.empty(CHUNK, dtype=INDEX), 0
        for some in in_order(pool, records, range(done, n, TASK), 4 * threads):
            for content, length, height, width in some:
                end += length
                rows[filled] = (end, height, width)
                filled += 1
                if content is not None:
                    _write_all(pixels_file.fileno(), content, end - length)
                if filled == CHUNK:
                    index_file.write(rows.tobytes())
                    filled = 0
            advance(len(some))
        index_file.write(rows[:filled].tobytes())


def _write_all(file: int, content: memoryview, offset: int) -> None:
    while len(content):
        written = os.pwrite(file, content, offset)
        content, offset = content[written:], offset + written


def _encoding(images: ImageFiles, storage: Storage, part: Path) -> bool:
    """Tell whether records are JPEG; settled by the first images and kept, so that a build that goes on agrees."""
    about = part / "about.json"
    if about.is_file():
        return bool(json.loads(about.read_text("utf-8"))["jpeg"])
    sizes = [storage.resize(images.read(i)).numel() for i in range(min(8, len(images.names)))]
    jpeg = storage.wants_jpeg(sizes, len(images.names))
    (part / "about.json.part").write_text(json.dumps({"jpeg": jpeg, "policy": storage.name}), "utf-8")
    os.replace(part / "about.json.part", about)
    return jpeg


def _kept(part: Path) -> int:
    """Return the number of images that an earlier build finished; what stands behind them is cut off."""
    for name in ("pixels.bin", "index.bin"):
        (part / name).touch()
    whole = (part / "index.bin").stat().st_size // INDEX.itemsize
    index = np.fromfile(part / "index.bin", dtype=INDEX, count=whole)
    if whole and int(index["end"][-1]) > (part / "pixels.bin").stat().st_size:
        shutil.rmtree(part)  # the machine itself went down: begin anew
        part.mkdir()
        return _kept(part)
    os.truncate(part / "index.bin", whole * INDEX.itemsize)
    os.truncate(part / "pixels.bin", int(index["end"][-1]) if whole else 0)
    return whole
