"""Image data sets of the user's own: domains, classes and counts are those that are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tlbench.data.domain_codes import short_codes
from tlbench.data.images.dataset import ImageDataset
from tlbench.data.images.image_files import in_folder, read_list
from tlbench.errors import TlbenchError


class ImageFolder(ImageDataset):
    """`root/domain/class/*.jpg`.

    Args:
        root: the folder; relative to where the command is given.
        classes: names of the classes; None: the folders that any domain has.
        short: short code of each domain; None: made of first letters.
        base: see ImageDataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        root: str,
        classes: Sequence[Any] | None = None,
        short: Mapping[str, str] | None = None,
        **base: Any,
    ) -> None:
        folder = Path(root).expanduser()
        if not folder.is_dir():
            raise TlbenchError(
                f"Image folder '{root}' does not exist. Set by dataset.root=...; it holds domain/class/image."
            )
        domains = _domains(folder)
        if len(domains) < 2:
            raise TlbenchError(
                f"Image folder '{root}' must hold two or more domains, each a folder of class folders, but has "
                f"{', '.join(domains) or 'none'}. Set by dataset.root=..."
            )
        found = sorted({name for names in domains.values() for name in names})
        super().__init__(
            data_dir=folder.resolve(),
            files={domain: {"folder": domain} for domain in domains},
            counts=None,
            classes=found if classes is None else classes,
            short=short_codes(domains) if short is None else short,
            **base,
        )


def _domains(folder: Path) -> dict[str, list[str]]:
    """Return class folders of each domain folder that has some."""
    return _scan(folder, tuple((path, path.stat().st_mtime_ns) for path in sorted(folder.iterdir()) if path.is_dir()))


@lru_cache(maxsize=16)
def _scan(folder: Path, state: tuple[tuple[Path, int], ...]) -> dict[str, list[str]]:
    domains = {path.name: list(in_folder(path)) for path, _ in state if not path.name.startswith(".")}
    return {name: classes for name, classes in domains.items() if classes}


class ImageLists(ImageDataset):
    """Lists of lines `path label`, one or (train, test) two a domain, as TLlib and SHOT ship them.

    Args:
        root: the folder that the paths stand below; relative to where the command is given.
        lists: list file of each domain, or `{train: file, test: file}`; relative to where the command is given.
        classes: names of the classes; None: as many as the highest label says.
        short: short code of each domain; None: made of first letters.
        base: see ImageDataset.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        root: str,
        lists: Mapping[str, str | Mapping[str, str]],
        classes: Sequence[Any] | None = None,
        short: Mapping[str, str] | None = None,
        **base: Any,
    ) -> None:
        if not Path(root).expanduser().is_dir():
            raise TlbenchError(f"Image folder '{root}' does not exist. Set by dataset.root=...")
        files: dict[str, dict[str, str]] = {}
        for domain, given in lists.items():
            parts = {"list": given} if isinstance(given, str) else dict(given)
            if set(parts) not in ({"list"}, {"train", "test"}):
                raise TlbenchError(
                    f"dataset.lists.{domain} must be a file or {{train: file, test: file}}, got {given}."
                )
            for path in parts.values():
                if not Path(path).is_file():
                    raise TlbenchError(f"List '{path}' does not exist. Set by dataset.lists.{domain}=...")
            files[domain] = {
                "root": str(Path(root).expanduser().resolve()),
                **{part: str(Path(path).resolve()) for part, path in parts.items()},
            }
        if len(files) < 2:
            raise TlbenchError(f"dataset.lists must name two or more domains, got {', '.join(files) or 'none'}.")
        if classes is None:
            paths = [path for entry in files.values() for part, path in entry.items() if part != "root"]
            highest = max(label for path in paths for _, label in read_list(Path(path)))
        super().__init__(
            data_dir=".",
            files=files,
            counts=None,
            classes=highest + 1 - base.get("first_label", 0) if classes is None else classes,
            short=short_codes(files) if short is None else short,
            **base,
        )
