"""What the `_target_` of a group names: found, or told in one line why not, and what its arguments may be."""

from __future__ import annotations

import importlib
import inspect
import traceback
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, get_type_hints

from tlbench.errors import TlbenchError, unknown


def located(kind: str, group: dict[str, Any]) -> Any:
    """Import what a group's `_target_` names, without a call.

    Raises:
        TlbenchError: there is none, or its module is not found, lacks the name, or cannot be imported.
    """
    name, target = group.get("name"), group.get("_target_")
    if not isinstance(target, str) or "." not in target.strip("."):
        place = f"conf/{kind}/{name}.yaml" if name else kind
        raise TlbenchError(
            f"{place} must name the class to build, such as _target_: my_module.MyClass, got _target_ {target!r}."
        )
    place = f"{kind} '{name}'" if name else kind
    parts = target.split(".")
    for n in range(len(parts) - 1, 0, -1):
        if (found := _module(".".join(parts[:n]), place)) is not None:
            break
    else:
        raise TlbenchError(
            f"{place}: there is no module '{parts[0]}', neither in the folder where the command is given nor installed. "
            f"Set by _target_: {target}."
        )
    for part in parts[n:]:
        if not hasattr(found, part):
            own = [word for word, value in vars(found).items() if getattr(value, "__module__", None) == found.__name__]
            raise unknown(f"name in {found.__name__}", part, own, f"_target_: {target}, {place}")
        found = getattr(found, part)
    return found


def _module(name: str, place: str) -> Any:
    """Import a module; return None where there is no such one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise TlbenchError(_why(error, name, place)) from error
    except Exception as error:  # whatever the module of the user does when it is imported
        raise TlbenchError(_why(error, name, place)) from error


def _why(error: Exception, module: str, place: str) -> str:
    if isinstance(error, SyntaxError):
        where, reason = f"{error.filename}, line {error.lineno}", error.msg
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
        where, reason = f"{frames[-1].filename}, line {frames[-1].lineno}", str(error)
    return (
        f"{place}: module '{module}' cannot be imported: {type(error).__name__}: {' '.join(reason.split())} ({where})."
    )


@lru_cache(maxsize=256)
def hints_of(target: Any) -> dict[str, Any]:
    """Return the hints of the arguments of a class or function; those of base classes where `**base` passes them on."""
    if not isinstance(target, type):
        return _annotations(target) if callable(target) else {}
    if hasattr(target, "__pydantic_fields__"):  # it checks itself, and takes 1 for 1.0 and for true
        return {name: hint for name, hint in get_type_hints(target).items() if hint in (int, float, bool)}
    hints: dict[str, Any] = {}
    for cls in target.__mro__:
        if (made := vars(cls).get("__init__")) is None:
            continue
        hints = {**_annotations(made), **hints}
        if not inspect.isfunction(made) or not _passes_on(made):
            break
    return hints


def _passes_on(function: Callable[..., Any]) -> bool:
    return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


def _annotations(function: Any) -> dict[str, Any]:
    """Return those that can be worked out; not the names that only a type checker imports."""
    found: dict[str, Any] = {}
    for name, hint in getattr(function, "__annotations__", {}).items():
        try:
            found |= get_type_hints(SimpleNamespace(__annotations__={name: hint}), getattr(function, "__globals__", {}))
        except (NameError, TypeError, AttributeError):
            continue
    return found
