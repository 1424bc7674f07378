"""The files of one run in one zip file, without compression: written at one stroke, one inode, and any tool opens it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

Part = bytes | Path
"""Content of a file of a run, or where it lies."""


def pack(path: Path, parts: Mapping[str, Part]) -> None:
    """Write the files of a run into one. The same files give the same bytes, whatever the clock says. Raises OSError."""
    with zipfile.ZipFile(path, "w") as file:
        for name, part in parts.items():
            about = zipfile.ZipInfo(name)
            about.external_attr = 0o644 << 16  # what `unzip` makes of it can be read
            if isinstance(part, bytes):
                file.writestr(about, part)
                continue
            about.file_size = part.stat().st_size  # tells whether its entry needs 64 bits
            with open(part, "rb") as source, file.open(about, "w") as target:
                shutil.copyfileobj(source, target)


def lay_out(folder: Path, parts: Mapping[str, Part]) -> None:
    """Write the files of a run into a folder; those that lie elsewhere are moved. Raises OSError."""
    for name, part in parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(part, bytes):
            path.write_bytes(part)
        else:
            shutil.move(part, path)


def packed_part(path: str | Path, name: str) -> bytes:
    """Return a file of a packed run.

    Raises:
        FileNotFoundError: there is no such run, or it has no such file.
        ValueError: it is torn, or not what was written.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return file.read(name)
    except NotADirectoryError as error:
        raise FileNotFoundError(str(error)) from error
    except KeyError as error:
        raise FileNotFoundError(f"{path} holds no {name}") from error
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:  # what torn bytes make zipfile say
        raise ValueError(f"{path}: {error}") from error


def packed_names(path: str | Path) -> list[str]:
    """Return the names of the files of a packed run. Raises as `packed_part`."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(f"{path}: {error}") from error


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file in a folder and in those inside it, by name."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
