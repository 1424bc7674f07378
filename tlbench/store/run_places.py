"""Whether a run is one file or a folder, and how it gets into its place at one stroke."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tlbench.aside import unique
from tlbench.store.records import FILES
from tlbench.store.run_files import Part
from tlbench.store.stamps import RECORD, SHARD, places

ASIDE = ".aside"
"""Where runs are made, in folders under their keys: a lock sweeps its own run's alone, however many runs there are."""
SMALL = 16 * 2**20
"""Bytes of a run that is kept as one file."""
PLAIN = (".csv", ".yaml", ".json", ".txt")
"""Logs that nobody needs as a folder; other loggers' programs look for one."""
PACKED = {RECORD, *FILES[:4]}


def is_small(parts: Mapping[str, Part]) -> bool:
    """Tell whether a run is kept as one file: it has nothing bulky, and no logs that another program reads from a folder."""
    return is_one_file(parts, sum(len(p) if isinstance(p, bytes) else p.stat().st_size for p in parts.values()))


def is_one_file(names: Mapping[str, Part] | Sequence[str], n_bytes: int) -> bool:
    """Tell the same of files with these names."""
    plain = all(name in PACKED or (name.startswith("logs/") and name.endswith(PLAIN)) for name in names)
    return plain and n_bytes <= SMALL


def laid_out(path: Path) -> Path:
    """Unpack a run that is to be a folder, beside its file; a small one stays a file, and so does a torn one.

    Returns:
        The folder, or the file as it was given.
    """
    folder = path.with_name(f"{path.name}-laid-out")
    with suppress(zipfile.BadZipFile, EOFError, NotImplementedError), zipfile.ZipFile(path) as file:
        if not is_one_file(file.namelist(), sum(info.file_size for info in file.infolist())):
            file.extractall(folder)
            return folder
    return path


def put_in_place(root: Path, key: str, aside: Path) -> None:
    """Move a run into its place, one file or a folder, and remove what it takes the place of. Raises OSError.

    Args:
        aside: the run; what it takes the place of is moved beside it before it is removed.
    """
    packed, folder, former = map(Path, places(root, key))
    old = [folder, former] if len(key) > SHARD else [folder]
    if aside.is_file():
        _retire(old, aside.parent)  # before: a file and a folder of one run are never left together
        _move(aside, packed)
    else:
        _retire(old, aside.parent)
        _move(aside, folder)
        packed.unlink(missing_ok=True)  # after: until then it is the run, and the folder counts for nothing


def remove_run(root: Path, key: str, aside: Path) -> None:
    """Remove a run; its folder is moved into `aside` first. Raises OSError."""
    packed, *folders = map(Path, places(root, key))
    packed.unlink(missing_ok=True)
    _retire(folders[: 2 if len(key) > SHARD else 1], aside)


def _move(aside: Path, final: Path) -> None:
    try:
        os.replace(aside, final)
    except FileNotFoundError:
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside, final)


def _retire(paths: Sequence[Path], aside: Path) -> None:
    """Remove folders that a run was before. Each is moved away first: it is there whole, or not at all."""
    for path in paths:
        if path.is_dir():
            trash = aside / unique("old")
            trash.mkdir(parents=True)
            os.rename(path, trash / path.name)
            shutil.rmtree(trash, ignore_errors=True)
