"""Which state of which object the files of a mirror are: empty files, `KE/KEY.zip@TAG`, so that a look reads names alone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

UNSENT = "unsent"
"""In place of a tag: written here, and not there yet. Nothing is brought down over it."""


class Notes:
    """The notes of a mirror, shared by all processes of a machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> dict[str, str]:
        """Return the tag of each object that the mirror has."""
        found: dict[str, str] = {}
        for folder in self._folders():
            for note in os.listdir(f"{self.folder}/{folder}"):
                name, _, tag = note.rpartition("@")
                found[f"{folder}/{name}"] = "" if f"{folder}/{name}" in found else tag  # two notes say nothing
        return found

    def tag(self, name: str) -> str | None:
        """Return the tag of an object as the mirror has it; None where it does not."""
        tags = self._tags(name)
        return None if not tags else tags[0] if len(tags) == 1 else ""

    def note(self, name: str, tag: str | None) -> None:
        """Replace the note of an object; None: it has none any more."""
        old = self._tags(name)
        if tag is not None and tag not in old:
            path = self._path(name, tag)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for other in old:
            if other != tag:
                with suppress(FileNotFoundError):
                    os.unlink(self._path(name, other))

    def _path(self, name: str, tag: str) -> Path:
        return self.folder / f"{name}@{tag}"

    def _tags(self, name: str) -> list[str]:
        folder, _, own = name.rpartition("/")
        try:
            found = os.listdir(self.folder / folder)
        except FileNotFoundError:
            return []
        return [note.rpartition("@")[2] for note in found if note.rpartition("@")[0] == own]

    def _folders(self) -> list[str]:
        try:
            return sorted(entry.name for entry in os.scandir(self.folder) if entry.is_dir())
        except FileNotFoundError:
            return []
