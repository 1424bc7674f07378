"""Reviews of products as texts, positive or negative, of the data set of Blitzer et al. (ACL 2007)."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlbench.data.base_dataset import Dataset
from tlbench.data.domain import Domain
from tlbench.data.messages import Message, hash_of
from tlbench.data.sentences import Encoder, encoded
from tlbench.errors import TlbenchError

FIELD = r"<{0}>\n(.*?)\n</{0}>"
"""The files look like XML and are none: no entity is escaped, and there is no root."""


class ReviewTexts(Dataset):
    """Domains are kinds of products; an example is the encoder's vector of a review's title and text.

    Args:
        data_dir: folder that holds the others.
        folders: of each domain, below `data_dir`; it holds a file `CLASS.review` for each class.
        counts: reviews per domain; another number is refused.
        encoder: texts to rows, such as `tlbench.data.sentences.PackagedEncoder`. It is frozen, and sees no label.
        base: see Dataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        folders: Mapping[str, str],
        counts: Mapping[str, int],
        encoder: Encoder,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.data_dir, self.folders, self.counts, self.encoder = Path(data_dir), folders, dict(counts), encoder
        self._kept: dict[tuple[Message, ...], Domain] = {}

    def is_here(self, domain: str) -> bool:
        return (self.data_dir / self.folders[domain]).is_dir()

    def load(self, domain: str) -> Domain:
        files = self._files(domain)
        if files not in self._kept:
            self._kept[files] = self._read(domain, files)
        return self._kept[files]

    def check(self, domain: str) -> None:
        """Count the reviews, and look for the encoder; encoding them is left to the first run."""
        _ = self.encoder.name
        self._texts(domain, self._files(domain))

    def fingerprint(self, domains: Sequence[str]) -> str:
        """Hash the files of the domains and the name of the encoder with its version."""
        files = tuple(message for domain in sorted(domains) for message in self._files(domain))
        return hashlib.sha256(f"{hash_of(self.data_dir, files)} {self.encoder.name}".encode()).hexdigest()[:16]

    def _files(self, domain: str) -> tuple[Message, ...]:
        names = [f"{self.folders[domain]}/{name}.review" for name in self.classes]
        for name in names:
            if not (self.data_dir / name).is_file():
                raise TlbenchError(
                    f"{self.name}: file '{name}' is missing in '{self.data_dir}'. Set by data_dir=... or $TLBENCH_DATA. "
                    f"Source: {self.about.get('homepage', '')}"
                )
        stats = [(self.data_dir / name).stat() for name in names]
        return tuple(Message(n, stat.st_size, stat.st_mtime_ns) for n, stat in zip(names, stats, strict=True))

    def _texts(self, domain: str, files: Sequence[Message]) -> list[list[str]]:
        """Read the texts of each class."""
        texts = [reviews_of(self.data_dir / file.name) for file in files]
        if (n := sum(map(len, texts))) != self.counts[domain]:
            raise TlbenchError(
                f"{self.name}, {domain}: {n} reviews, but conf/dataset/{self.name}.yaml says "
                f"{self.counts[domain]}. Compare the files with their source, or mend `counts`."
            )
        return texts

    def _read(self, domain: str, files: Sequence[Message]) -> Domain:
        texts = self._texts(domain, files)
        labels = np.repeat(np.arange(len(files)), [len(part) for part in texts])
        rows_ND = encoded(self.encoder, [text for part in texts for text in part])
        return Domain(domain, rows_ND, labels, np.arange(len(labels)))


def reviews_of(path: Path) -> list[str]:
    """Read title and text of each review of a file, white space made one blank, in the file's order.

    Bytes are read as Latin-1, in which each is a character.
    """
    found = []
    for review in path.read_text("latin-1").split("</review>")[:-1]:
        parts = [re.search(FIELD.format(field), review, re.DOTALL) for field in ("title", "review_text")]
        text = " ".join(part[1] for part in parts if part is not None)
        found.append(" ".join(html.unescape(text).split()))
    return found
