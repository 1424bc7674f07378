"""Configs as tlbench brings them, read without Hydra: what is trusted where a config of unknown origin is at hand."""

from __future__ import annotations

from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tlbench.paths import conf_dir


@cache
def shipped_names(group: str) -> tuple[str, ...]:
    """Return the names of the configs of a group."""
    return tuple(sorted(path.stem for path in (conf_dir() / group).glob("*.yaml")))


@cache
def shipped(group: str, name: str) -> dict[str, Any]:
    """Return a config of a group by name, resolved, with the siblings of its defaults list in it."""
    own = OmegaConf.create((conf_dir() / group / f"{name}.yaml").read_text("utf-8"))
    assert isinstance(own, DictConfig)
    parents = [str(parent) for parent in own.pop("defaults", []) if parent != "_self_"]
    whole = OmegaConf.merge(*(OmegaConf.create(shipped(group, parent)) for parent in parents), own)
    found = OmegaConf.to_container(whole, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}
