"""A data set's sources, fetched and put where its config expects them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tlbench.data.fetch.download import download
from tlbench.data.fetch.sources import Source
from tlbench.data.fetch.unpack import unpack, unpacked
from tlbench.errors import TlbenchError

DOWNLOADS = ".downloads"


def get(name: str, sources: Sequence[Source], data_dir: Path, *, console: Console) -> None:
    """Fetch each source to `<data_dir>/.downloads/<name>/` and unpack or move it to its place; what is there stays.

    Args:
        name: the data set's name; two data sets may each have a file `images.zip`.
        sources: see Source.
        data_dir: the data folder; made if missing.
        console: where progress is shown.

    Raises:
        TlbenchError: see download and unpack; or another file stands at a source's place.
    """
    downloads = data_dir / DOWNLOADS / name
    for source in sources:
        target = data_dir / (source.unpack or source.place or "")
        if _is_there(source, target):
            line = f"{name}: {source.file} is in '{target}' already"
        else:
            path = download(source, downloads, console=console)
            if source.unpack is not None:
                unpack(path, target, limit=source.limit)
            else:
                _move(path, target)
            line = f"{name}: {source.file} is now in '{target}'"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def by_hand(name: str, note: str, data_dir: Path) -> str:
    """Say what to do where a licence wants a form, or nothing gives the files directly; note: where and how to ask."""
    note = " ".join(note.split()).rstrip(".")
    return (
        f"{name} cannot be fetched for you: {note}. Fetch it by hand and put its files below '{data_dir.absolute()}', "
        "where its config names them."
    )


def _is_there(source: Source, target: Path) -> bool:
    if source.place is not None:
        if not os.path.lexists(target):
            return False
        wrong = source.mismatch(target) if target.is_file() else "is no file"
        if wrong is not None:
            raise TlbenchError(f"'{target}' {wrong}. It is not overwritten: move it away and run the command again.")
        return True
    kind, _, checksum = (source.checksum or "").partition(":")
    return any(e["file"] == source.file if not kind else e[kind] == checksum for e in unpacked(target))


def _move(path: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside)  # a copy, where the target lies on another disk; renamed only when whole
        aside.chmod(0o644)
        os.replace(aside, target)
    except OSError as error:
        raise TlbenchError(f"'{path}' cannot be moved to '{target}': {error}.") from error
