"""What a data set's YAML lists under `sources:`, checked before anything is fetched."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

import pydantic
from pydantic import ConfigDict, Field, field_validator, model_validator

UNPACKED_LIMIT = 200 * 2**30
"""Bytes that an archive may unpack to where its source sets no `unpacked_limit`."""
CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")
Bytes = Annotated[int, Field(ge=1)]


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Source:
    """One file to fetch. Exactly one of `unpack` and `place` is set.

    Args:
        file: name that the download is kept under.
        urls: mirrors, tried in turn; none where the file can only be fetched by hand.
        checksum: `sha256:<hex>` or `md5:<hex>`; None where none is known.
        size: exact number of bytes; None where it is not known.
        unpack: folder below the data folder that the archive is unpacked into.
        place: path below the data folder for a file that is no archive.
        unpacked_limit: bytes that the archive may unpack to; 200 GiB if None.

    Raises:
        pydantic.ValidationError: a field is unknown, out of range or of another form than told here.
    """

    file: str
    urls: list[str]
    checksum: str | None = None
    size: Bytes | None = None
    unpack: str | None = None
    place: str | None = None
    unpacked_limit: Bytes | None = None

    @field_validator("file")
    @classmethod
    def _is_a_plain_name(cls, file: str) -> str:
        if not re.fullmatch(r"\w[\w .+-]*", file) or file.endswith((".part", ".part.json", ".lock")):
            raise ValueError(f"file='{file}' is no plain file name (letters, digits, `_.+-`; not *.part or *.lock)")
        return file

    @field_validator("urls")
    @classmethod
    def _are_web_addresses(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                raise ValueError(f"'{url}' is no address that begins with http:// or https://")
        return urls

    @field_validator("checksum")
    @classmethod
    def _is_a_known_checksum(cls, checksum: str | None) -> str | None:
        if checksum is not None and not CHECKSUM.fullmatch(checksum):
            raise ValueError(f"checksum='{checksum}' is neither sha256:<64 hex digits> nor md5:<32 hex digits>")
        return checksum

    @field_validator("unpack", "place")
    @classmethod
    def _stays_below_the_data_folder(cls, path: str | None) -> str | None:
        if path is not None:
            parts = PurePosixPath(path).parts
            if not parts or ".." in parts or path.startswith("/") or re.search(r"[\\:\0]", path):
                raise ValueError(f"'{path}' is no relative path below the data folder (no `..`, no leading `/`)")
        return path

    @model_validator(mode="after")
    def _has_one_destination(self) -> Source:
        if (self.unpack is None) == (self.place is None):
            raise ValueError(f"source '{self.file}' needs either `unpack` or `place`, and not both")
        if self.unpacked_limit is not None and self.unpack is None:
            raise ValueError(f"source '{self.file}' sets `unpacked_limit`, but is not unpacked")
        return self

    @property
    def limit(self) -> int:
        """Bytes that the archive may unpack to."""
        return UNPACKED_LIMIT if self.unpacked_limit is None else self.unpacked_limit

    def mismatch(self, path: Path) -> str | None:
        """Say what tells that a file is not this one ("is 10 bytes long, not 12"); None where nothing does."""
        length = path.stat().st_size
        if self.size is not None and length != self.size:
            return f"is {length} bytes long, not {self.size}"
        if self.checksum is not None:
            kind, expected = self.checksum.split(":")
            found = digest(path, kind)
            if found != expected:
                return f"has {kind} {found}, not {expected}"
        return None


def digest(path: Path, kind: str) -> str:
    """Hash of a file's content in hex; kind is `sha256` or `md5`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
