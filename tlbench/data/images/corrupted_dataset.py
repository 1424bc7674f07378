"""Corrupted images as domains: `clean`, and the other images of one domain under each of fifteen common corruptions.

The images are parted once, class by class, by `draw` and not by the seed of a run: `clean` has its share of them, and each
corruption all the others. So no image, and no group of images, is on both sides of a pair; and what differs between two
corruptions is the corruption. Which part an image is in does not depend on the strength either.

All images, the clean ones too, are first brought to one size, the shorter side `side`: lengths of corruptions are in pixels, so
they must not depend on the size of a file, and the data must not depend on the augment. What the augment keeps comes after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlbench.data.base_dataset import Dataset, Pair
from tlbench.data.domain import Domain
from tlbench.data.images.corruptions.catalogue import CORRUPTIONS, STRENGTHS, corrupted
from tlbench.data.images.decode import short_side
from tlbench.data.images.image_files import ImageFiles
from tlbench.errors import TlbenchError, unknown
from tlbench.seeds import stream

REVISION = 1
"""Raised when a corruption gives other pixels: fingerprints and caches are of this number, not of the pixels."""
CLEAN = "clean"
CODES = ("GN", "SN", "IN", "DB", "GB", "MB", "ZB", "SW", "FR", "FG", "BR", "CO", "ET", "PX", "JP")
SHORT = {CLEAN: "CL", **dict(zip(CORRUPTIONS, CODES, strict=True))}


class CorruptedDataset(Dataset):
    """Domains `clean` and one for each corruption, of the images of one domain of another data set.

    Args:
        of: makes the data set from `data_dir`; its images must be in files or be read like files.
        domain: the one whose images they are.
        strength: of the corruptions, 1 to 5; 0: none, so that source and target differ in their images alone.
        clean_share: share of the images of each class that `clean` has, above 0 and below 1.
        side: shorter side in pixels of the images that are corrupted; the authors' numbers are for 256.
        draw: number of the draw that parts the images and of the corruptions' noise.
        base: see Dataset; classes, codes and `input_shape` are not to be given.

    Raises:
        TlbenchError: the domain is unknown, or a number is not allowed.
    """

    def __init__(
        self,
        *,
        of: Callable[..., Dataset],
        domain: str,
        strength: int,
        clean_share: float,
        side: int,
        draw: int,
        data_dir: str | Path | None = None,
        pairs: Sequence[str] | None = None,
        **base: Any,
    ) -> None:
        self.whole = of(data_dir=data_dir)
        pairs = [f"{CLEAN}-{name}" for name in CORRUPTIONS] if pairs is None else pairs
        classes, shape = self.whole.classes, self.whole.input_shape
        super().__init__(classes=classes, short=SHORT, input_shape=shape, pairs=pairs, **base)
        self.domain, self.strength, self.clean_share = domain, strength, clean_share
        self.side, self.draw = side, draw
        self._resize = short_side(side)
        self._loaded: dict[str, Domain] = {}
        self._check()

    def _check(self) -> None:
        if self.domain not in self.whole.domains:
            raise unknown("domain", self.domain, self.whole.domains, f"dataset.domain (dataset={self.name})")
        for said, allowed, key in (
            (self.strength in range(STRENGTHS + 1), f"a whole number of 0 (clean) to {STRENGTHS}", "strength"),
            (0 < self.clean_share < 1, "above 0 and below 1", "clean_share"),
            (isinstance(self.side, int) and self.side > 0, "a whole number of 1 or more", "side"),
            (isinstance(self.draw, int) and self.draw >= 0, "a whole number of 0 or more", "draw"),
        ):
            if not said:
                raise TlbenchError(
                    f"{self.name}: {key} must be {allowed}, got {getattr(self, key)}. Set by dataset.{key}=..."
                )

    def pair(self, text: str) -> Pair:
        """Read a pair; refuse one in which the target's images are shown elsewhere too, under another corruption."""
        found = super().pair(text)
        if not _apart(found):
            raise TlbenchError(
                f"All corrupted domains of {self.name} hold the same images, so a pair has '{CLEAN}' as its only source or as "
                f"its target; got '{text}'. Set by pair={text}, such as pair={CLEAN}-fog."
            )
        return found

    def pairs_of(self, alias: str) -> list[Pair]:
        """Return the pairs of an alias that `pair` would not refuse."""
        if alias == "leave_one_out":
            return [self.pair(f"rest-{CLEAN}")]
        return [pair for pair in super().pairs_of(alias) if _apart(pair)]

    @cached_property
    def _images(self) -> tuple[Domain, ImageFiles]:
        whole = self.whole.load_as(self.domain, "source")
        if not isinstance(whole.inputs, ImageFiles):
            raise TlbenchError(
                f"{self.name} needs images in files, but '{self.domain}' of {self.whole.name} holds arrays. Set by dataset.of=..."
            )
        return whole, whole.inputs

    @cached_property
    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        whole = self._images[0]
        return parted(whole.labels, whole.groups, self.clean_share, stream(self.draw, "corrupted_dataset"))

    def load(self, domain: str) -> Domain:
        """Return the images of a domain, not decoded; they are corrupted as they are read."""
        if domain not in self._loaded:
            whole, images = self._images
            rows = self._rows[domain != CLEAN]
            mine = images.kept[rows]
            strength = 0 if domain == CLEAN else self.strength
            read, content = self._read(images, mine, domain, strength), self._content(images, mine, domain, strength)
            names = tuple(images.names[i] for i in mine)
            self._loaded[domain] = Domain(
                domain,
                ImageFiles(names, read, content, np.arange(len(rows))),
                whole.labels[rows],
                whole.groups[rows],
                None if whole.given_test is None else whole.given_test[rows],
                names,
            )
        return self._loaded[domain]

    def _read(self, images: ImageFiles, mine: np.ndarray, corruption: str, strength: int) -> Callable[[int], Tensor]:
        def read(i: int) -> Tensor:
            pixels = self._resize(images.read(int(mine[i]))).contiguous()
            if not strength:
                return pixels
            name = str(images.names[mine[i]])
            return torch.from_numpy(corrupted(pixels.numpy(), corruption, strength, draw=self.draw, name=name))

        return read

    def _content(self, images: ImageFiles, mine: np.ndarray, corruption: str, strength: int) -> str:
        """Hash (SHA-256) all that the pixels depend on; without a corruption all domains of the same images share a cache."""
        change = f"{corruption} {strength} {self.draw}" if strength else CLEAN
        digest = hashlib.sha256(f"corrupted {REVISION} {images.content} {self.side} {change}\n".encode())
        digest.update(mine.astype(np.int64).tobytes())
        return digest.hexdigest()

    def is_here(self, domain: str) -> bool:
        return self.whole.is_here(self.domain)

    def fingerprint(self, domains: Sequence[str]) -> str:
        whole = hashlib.sha256()
        for name in sorted(domains):
            domain = self.load(name)
            assert isinstance(domain.inputs, ImageFiles)
            whole.update(f"{name} {domain.inputs.content}".encode())
            for array in (domain.labels, domain.groups, domain.given_test):
                whole.update(b"-" if array is None else array.tobytes())
        return whole.hexdigest()[:16]


def _apart(pair: Pair) -> bool:
    return pair.target == CLEAN or (*pair.sources, *pair.bridges) == (CLEAN,)


def parted(
    labels_N: np.ndarray, groups_N: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Part rows at random, group by group and class after class: return sorted rows of one part and of the other.

    The first part gets `share` of the groups of each class, rounded, but neither part none; a class of one group goes to the
    first. A group is of one class, that of its first row.
    """
    _, first_G, group_N = np.unique(groups_N, return_index=True, return_inverse=True)
    label_G = labels_N[first_G]
    taken_G = np.zeros(len(first_G), dtype=bool)
    for label in np.unique(label_G):
        own = rng.permutation(np.flatnonzero(label_G == label))
        taken_G[own[: max(1, min(round(share * len(own)), len(own) - 1))]] = True
    taken_N = taken_G[group_N]
    return np.flatnonzero(taken_N), np.flatnonzero(~taken_N)
