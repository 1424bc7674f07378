"""The images of one domain before they are decoded: names, labels, and how to read each."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tlbench.data.images.decode import decode
from tlbench.errors import TlbenchError
from tlbench.paths import cache_dir

EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


@dataclass(frozen=True)
class ImageFiles:
    """Images of one domain, not decoded yet.

    Attributes:
        names: (N,) path of each image below the domain's folder; stays the same over machines.
        read: pixels (H, W, 3) uint8 of image i. Raises BadImage.
        content: hash of names and content, 64 hex digits.
        kept: those of the N that are in use, in order; a subset of the classes, say, shares the cache of the whole.
    """

    names: Sequence[str]
    read: Callable[[int], Tensor]
    content: str
    kept: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.kept),)

    def of(self, rows: np.ndarray) -> ImageFiles:
        """Take only these of the images in use."""
        return replace(self, kept=self.kept[rows])


def from_paths(root: Path, names: Sequence[str]) -> ImageFiles:
    """Return images in files `root/name`."""

    def read(i: int) -> Tensor:
        try:
            content = (root / names[i]).read_bytes()
        except OSError as error:
            raise TlbenchError(f"Image '{root / names[i]}' cannot be read: {error.strerror}.") from error
        return decode(content, str(root / names[i]))

    return ImageFiles(names, read, content_hash(root, names), np.arange(len(names)))


def from_array(images: np.ndarray, stem: str) -> ImageFiles:
    """Return images in an array (N, H, W) or (N, H, W, 3) of uint8."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
        raise TlbenchError(
            f"{stem}: images must be uint8 of shape (N, H, W) or (N, H, W, 3), got {images.dtype} {images.shape}."
        )

    def read(i: int) -> Tensor:
        pixels = images[i] if images.ndim == 4 else np.repeat(images[i][..., None], 3, axis=2)
        return torch.from_numpy(np.ascontiguousarray(pixels))

    digest = hashlib.sha256(f"{images.shape}".encode() + np.ascontiguousarray(images).tobytes()).hexdigest()
    names = [f"{stem}/{i}" for i in range(len(images))]
    return ImageFiles(names, read, digest, np.arange(len(images)))


def in_folder(folder: Path) -> dict[str, list[str]]:
    """Return the names of the image files below each class folder of `folder`, as {class: [class/file, ...]}, both sorted.

    Hidden files and files that are no images by their extension are passed over.
    """
    found: dict[str, list[str]] = {}
    for entry in sorted(folder.iterdir(), key=lambda path: path.name):
        if entry.is_dir() and not entry.name.startswith("."):
            below = (path for path in entry.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file())
            found[entry.name] = sorted(
                path.relative_to(folder).as_posix() for path in below if not path.name.startswith(".")
            )
    return found


def read_list(path: Path) -> list[tuple[str, int]]:
    """Read the lines `path label` of a list file, as TLlib and SHOT ship them; a path may hold spaces."""
    found = []
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise TlbenchError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, _, label = line.strip().rpartition(" ")
        if not name or not label.lstrip("-").isdigit() or int(label) < 0:
            raise TlbenchError(f"{path}, line {number}: must be 'path label' with a label of 0 or more, got '{line}'.")
        found.append((name.strip(), int(label)))
    if not found:
        raise TlbenchError(f"{path} lists no image.")
    return found


def content_hash(root: Path, names: Sequence[str]) -> str:
    """Hash (SHA-256) the names in their order, which is that of the cache's rows, and the content of each file.

    The content is read once: the answer is kept in the cache folder under the files' sizes and times of change.
    """
    try:
        stats = [os.stat(root / name) for name in names]
    except OSError as error:
        raise TlbenchError(f"Image '{error.filename}' cannot be read: {error.strerror}.") from error
    signature = hashlib.sha256(str(root.resolve()).encode())
    for name, stat in zip(names, stats, strict=True):
        signature.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    kept = cache_dir() / "hashes" / f"{signature.hexdigest()[:32]}.json"
    try:
        return str(json.loads(kept.read_text("utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or damaged: worked out again
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = pool.map(lambda name: _file_hash(root / name), names)
        lines = "".join(f"{name}\0{digest}\n" for name, digest in zip(names, hashes, strict=True))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=kept.parent, suffix=".part", delete=False) as file:
            json.dump({"sha256": digest}, file)
        os.replace(file.name, kept)
    except OSError:
        pass  # a cache that cannot be written costs time only
    return digest


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
