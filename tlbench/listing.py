"""What a config group holds: each file's name and the words in its first line."""

from __future__ import annotations

from pathlib import Path

from tlbench.errors import TlbenchError
from tlbench.paths import conf_dir
from tlbench.transfer.setting import SETTINGS


def describe(group: str, config_dir: str | None = None) -> list[tuple[str, str]]:
    """Return (name, one line) of every option of a group, the user's own folder included, in alphabetical order; the settings
    of transfer in theirs."""
    if group == "setting":
        return [
            (setting.name, f"{setting.sees}; gain over {setting.reference}; {setting.how}")
            for setting in SETTINGS.values()
        ]
    folders = [conf_dir()]
    if config_dir is not None:
        folders.append(Path(config_dir))
        if not folders[-1].is_dir():
            raise TlbenchError(f"Config folder '{config_dir}' does not exist. Set by --config-dir.")
    files = {path.stem: path for folder in folders for path in (folder / group).glob("*.yaml")}
    return [(name, _first_comment(files[name]).removeprefix(f"{name}: ")) for name in sorted(files)]


def _first_comment(path: Path) -> str:
    first = path.read_text("utf-8", errors="replace").split("\n", 1)[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""
