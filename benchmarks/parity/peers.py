"""Getting at a peer's modules in the folder that is given, and at the version that lies there."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np


def module(folder: Path, name: str) -> ModuleType:
    """Import a module by its dotted name below a folder.

    The outermost package is not run: some import all that their toolkit needs. `numpy.float`, which NumPy 1.24 took away, is put
    back.
    """
    if not hasattr(np, "float"):
        vars(np)["float"] = float
    root = name.partition(".")[0]
    if not (folder / root).is_dir() and not (folder / f"{root}.py").is_file():
        raise SystemExit(f"{folder} has no {root}: give the folder in which it lies.")
    if root not in sys.modules and (folder / root).is_dir():
        package = ModuleType(root)
        package.__path__ = [str(folder / root)]
        sys.modules[root] = package
    sys.path.insert(0, str(folder))
    try:
        return import_module(name)
    finally:
        sys.path.remove(str(folder))


def forget(*roots: str) -> None:
    """Let a name be imported anew, from the next peer that has it."""
    for name in [name for name in sys.modules if name.partition(".")[0] in roots]:
        del sys.modules[name]


def hollow(name: str, **attributes: Any) -> None:
    """Stand in for a library that a peer's file imports and that the part compared does not call, where it is missing."""
    try:
        import_module(name)
    except ImportError:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(attributes)


def commit(folder: Path) -> str:
    """Return the commit of a checkout, its first 12 digits; `unknown` where git does not say."""
    told = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return told.stdout.strip()[:12] or "unknown"
