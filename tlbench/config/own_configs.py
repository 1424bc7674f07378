"""Configs of the user's own: where they lie, what they replace, what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, ListConfig, open_dict

from tlbench.errors import TlbenchError
from tlbench.paths import conf_dir


def own_folders(loader: ConfigLoader) -> list[Path]:
    """Return the folders of the user's own configs."""
    paths = [Path(place.path.removeprefix("file://")) for place in loader.get_search_path().get_path() if place.path]
    return [path for path in paths if path.is_dir() and path != conf_dir()]


def replaced(folder: Path) -> list[str]:
    """Return a line for each config of this folder that takes the place of one of tlbench's."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.yaml"))
    return [
        f"{folder / name} takes the place of tlbench's own conf/{name}. Call it otherwise to keep both."
        for name in names
        if (conf_dir() / name).is_file()
    ]


def name_by_file(loader: ConfigLoader, group: str, config: DictConfig, overrides: Sequence[str]) -> None:
    """Give a composed group the name of its file where its name is one that it inherits by its defaults.

    Raises:
        TlbenchError: an override appends a name, or the file holds a list.
    """
    own, name = config.get(group), f"{group}.name"
    if isinstance(own, ListConfig):
        choice = config.hydra.runtime.choices[group]
        raise TlbenchError(f"{group}/{choice}.yaml must hold keys with their values, such as weight: 1.0, got a list.")
    given = [key for o in overrides if (key := o.split("=", 1)[0]).lstrip("+") == name]
    if given and given[-1] != name:
        raise TlbenchError(f"{given[-1]}=...: a {group} is called as its file is. Copy the file under another name.")
    if given or not isinstance(own, DictConfig) or "name" not in own:
        return
    choice = config.hydra.runtime.choices[group]
    file = loader.repository.load_config(f"{group}/{choice}")  # type: ignore[attr-defined]
    if file is not None and "name" not in file.config:
        with open_dict(own):
            own["name"] = choice
