"""Values of a group as its `_target_` says that they are: a number for a float is a float, and so one run has one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AllowInfNan, Field, Strict, TypeAdapter, ValidationError

from tlbench.backbones.how_trained import HOW
from tlbench.config.targets import hints_of, located
from tlbench.errors import TlbenchError
from tlbench.seeds import LARGEST

LEAVES: dict[Any, Any] = {
    int: Annotated[int, Strict(), Field(ge=-LARGEST, le=LARGEST)],
    bool: Annotated[bool, Strict()],
    float: Annotated[float, Strict(), AllowInfNan(False)],
    str: str,
    NoneType: None,
}
SHAPES = {
    "list": "must be a list such as [a,b]",
    "dict": "must be names with their values such as {a:1,b:2}",
    "mapping": "must be names with their values such as {a:1,b:2}",
}
"""In place of pydantic's words for what is no list and no mapping, by a part of its names for these errors."""


def typed(kind: str, group: dict[str, Any]) -> dict[str, Any]:
    """Return a group whose values are what its `_target_` takes, whole numbers given for a float as floats; nested ones likewise.

    Args:
        kind: its dotted place in a config, such as `method`.

    Raises:
        TlbenchError: a value is of another kind, or not finite; or what `_target_` names is not found.
    """
    untyped = {"_target_", "name", *(HOW if kind == "backbone" else ())}
    if group.keys() <= untyped and "_target_" in group:
        return group  # what it names is imported, or told to be missing, when it is built
    hints = hints_of(located(kind, group))
    return {key: _value(f"{kind}.{key}", value, hints.get(key, Any)) for key, value in group.items()}


def _value(place: str, value: Any, hint: Any) -> Any:
    if isinstance(value, dict) and "_target_" in value:
        return typed(place, value)
    if isinstance(value, list) and any(isinstance(one, dict) and "_target_" in one for one in value):
        return [_value(f"{place}[{i}]", one, Any) for i, one in enumerate(value)]
    try:
        _adapter(hint).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        message = next((words for kind, words in SHAPES.items() if kind in first["type"]), first["msg"])
        raise TlbenchError(
            f"{place}: {message}, got {value!r}. Set by {place}=... on the command line or in conf/."
        ) from error
    # lists stay as they are: [0.1, 1, 10] is one list for all who wrote it so, and stands in keys of published tables
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and _takes_float(hint) else value


def _takes_float(hint: Any) -> bool:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return float in options and int not in options


@lru_cache(maxsize=256)
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_strict(hint))


def _strict(hint: Any) -> Any:
    """Return the hint for plain values: true is no number, and what no config can hold is not looked at."""
    if hint in LEAVES:
        return LEAVES[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return hint
    if origin in (Union, UnionType):
        return Union[tuple(_strict(option) for option in arguments)]  # noqa: UP007, they are known only now
    if origin in (Sequence, list) and arguments:
        return list[_strict(arguments[0])]  # type: ignore[misc]
    return Mapping[Any, Any] if origin in (Mapping, dict) else Any
