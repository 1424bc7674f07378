"""Files by which processes tell one another what they work on, where the file system has no locks."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tlbench.aside import unique


class Claims(Protocol):
    """What a lease needs of a place: small texts by name, of which one writer alone can make each."""

    def create(self, name: str, text: str) -> bool:
        """Make a text; False where there is one of that name, and nobody else's is ever replaced."""

    def read(self, name: str) -> str | None:
        """Return a text as it is now; None where there is none."""

    def write(self, name: str, text: str) -> None:
        """Make or replace a text that is the caller's alone."""

    def remove(self, name: str) -> None:
        """Remove a text, if it is there."""

    def names(self, prefix: str) -> list[str]:
        """Return the names that start so."""

    def age(self, name: str) -> float:
        """Return the seconds since a text was made or replaced, by the place's own clock alone; 0 where it is not there."""


class FolderClaims:
    """Claims in a folder. Exclusive creation is atomic on every file system, NFS included; closing brings it to the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, text: str) -> bool:
        """Make a text; False where there is one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(self.folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)
        return True

    def read(self, name: str) -> str | None:
        """Return a text as it is now."""
        try:
            return (self.folder / name).read_text("utf-8")
        except OSError:
            return None

    def write(self, name: str, text: str) -> None:
        """Make or replace a text."""
        with suppress(OSError):  # a beat that is missed is made up for by the next
            (self.folder / name).write_text(text, "utf-8")

    def remove(self, name: str) -> None:
        """Remove a text, if it is there."""
        with suppress(OSError):
            os.unlink(self.folder / name)

    def names(self, prefix: str) -> list[str]:
        """Return the names that start so."""
        try:
            return [name for name in os.listdir(self.folder) if name.startswith(prefix)]
        except OSError:
            return []

    def age(self, name: str) -> float:
        """Return the seconds since a text was made or replaced, by the file system's clock, which may be a server's."""
        now = self.folder / unique(".now")
        try:
            now.touch()
            return now.stat().st_mtime - (self.folder / name).stat().st_mtime
        except OSError:
            return 0.0
        finally:
            now.unlink(missing_ok=True)
