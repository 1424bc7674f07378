"""Folders of messages, one file a message: which there are, their text, and a hash of all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sklearn.datasets import _twenty_newsgroups as stripping

STRIPS: dict[str, Callable[[str], str]] = {
    "headers": stripping.strip_newsgroup_header,
    "footers": stripping.strip_newsgroup_footer,
    "quotes": stripping.strip_newsgroup_quoting,
}
"""What may be left out of a message, in the order in which scikit-learn's `fetch_20newsgroups` does so."""


class Message(NamedTuple):
    """A message as its folder lists it: path below the data folder, bytes, and time of the last change."""

    name: str
    size: int
    changed: int


def listed(root: Path, folder: str) -> Iterator[Message]:
    """Return the messages of a folder below `root`, by name; hidden files are none."""
    for path in sorted((root / folder).iterdir()):
        if not path.name.startswith("."):
            stat = path.stat()
            yield Message(f"{folder}/{path.name}", stat.st_size, stat.st_mtime_ns)


def text_of(path: Path, strip: Iterable[str]) -> str:
    """Strip a message of its headers, footers or quotes: those of STRIPS that `strip` names.

    It is read as Latin-1, in which every byte is a character, as scikit-learn does.
    """
    text = path.read_text("latin-1")
    for name, stripped in STRIPS.items():
        text = stripped(text) if name in strip else text
    return text


@lru_cache(maxsize=16)
def hash_of(root: Path, messages: tuple[Message, ...]) -> str:
    """Hash names and content, 16 hex digits."""
    whole = hashlib.sha256()
    for message in messages:
        content = hashlib.sha256((root / message.name).read_bytes()).hexdigest()
        whole.update(f"{message.name} {content}\n".encode())
    return whole.hexdigest()[:16]
