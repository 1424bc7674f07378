"""ADAPT without TensorFlow: its closed forms need none, but importing ADAPT does.

`pip install adapt` brings TensorFlow: 1 GB, and a bound on h5py that is below the version tested here. So ADAPT is installed
without what it needs, and TensorFlow and SciKeras are empty stand-ins: its networks do not run, and nothing
else knows the difference.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

ABSENT = ("tensorflow", "scikeras")


class _Anything(type):
    """A class whose every attribute is such a class."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing


class Nothing(metaclass=_Anything):
    """A class of TensorFlow's: a base of networks, or what no closed form calls."""

    def __init__(self, *_: Any, **__: Any) -> None: ...


class Empty(ModuleType):
    """A module that has any name."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing


class StandIns(MetaPathFinder, Loader):
    """Finds the absent packages, and only where nothing else does: it comes last."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in ABSENT else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None: ...


def import_adapt() -> None:
    """Import ADAPT; ImportError where it or cvxopt is not installed."""
    for name in ("adapt", "cvxopt"):
        if find_spec(name) is None:
            raise ImportError(f"{name} is not installed.")
    stand_ins = StandIns()
    sys.meta_path.append(stand_ins)
    try:
        import adapt  # noqa: F401
    finally:
        sys.meta_path.remove(stand_ins)
        for name in [name for name, module in sys.modules.items() if isinstance(module, Empty)]:
            del sys.modules[name]
