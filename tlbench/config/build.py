"""Objects from config groups."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from pkgutil import resolve_name
from typing import Any, get_type_hints

from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from pydantic import TypeAdapter, ValidationError

from tlbench.config.schema import Group, RunConfig, first_line
from tlbench.data.dataset import Dataset
from tlbench.data.images.augment import Augment
from tlbench.errors import TlbenchError
from tlbench.method.base import Method
from tlbench.protocols import Protocol

SCALARS: dict[Any, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (int, float, str, bool)}


def build(kind: str, group: Group, *, drop: tuple[str, ...] = (), **given: Any) -> Any:
    """Calls the group's `_target_` with its other keys and what is `given`; a user's mistake becomes one line."""
    values = {k: v for k, v in group.items() if k not in ("name", *drop)}
    if "_target_" not in values:
        raise TlbenchError(f"conf/{kind}/{group.get('name')}.yaml has no _target_; it must name the class to build.")
    _check_scalars(kind, values)
    try:
        return _made({**values, "_partial_": True})(**given)
    except ValidationError as error:
        raise TlbenchError(first_line(error, kind)) from error
    except InstantiationException as error:
        reason = str(error).splitlines()[0]
        raise TlbenchError(f"{kind} '{group.get('name')}' cannot be built: {reason}") from error
    except TypeError as error:
        raise TlbenchError(
            f"{kind} '{group.get('name')}' ({values['_target_']}) does not fit its config: {error}."
        ) from error


def target_of(kind: str, group: Group) -> Any:
    """What a group's `_target_` names, imported and not called; values of the wrong kind and missing libraries are told."""
    _check_scalars(kind, group)
    try:
        return resolve_name(group["_target_"])
    except (KeyError, ImportError, AttributeError, ValueError) as error:
        raise TlbenchError(f"{kind} '{group.get('name')}': its _target_ is not found ({error}).") from error


def _made(values: Any) -> Any:
    """Hydra's `instantiate` for plain values; without OmegaConf in between, which costs ten times the rest."""
    if isinstance(values, list):
        return [_made(value) for value in values]
    if not isinstance(values, dict):
        return values
    made = {key: _made(value) for key, value in values.items() if key not in ("_target_", "_partial_")}
    if "_target_" not in values:
        return made
    if any(key.startswith("_") and key.endswith("_") for key in made):  # `_args_` and the like
        return instantiate(values)
    try:
        target = resolve_name(values["_target_"])
    except (ImportError, AttributeError, ValueError) as error:
        raise InstantiationException(f"Error locating target '{values['_target_']}' ({error})") from error
    return partial(target, **made) if values.get("_partial_") else target(**made)


def _check_scalars(kind: str, values: Group) -> None:
    """Raises TlbenchError where a number, text or truth value is not what the `_target_` says it takes."""
    for key, hint in _scalars(values["_target_"]):
        if key in values:
            try:
                SCALARS[hint].validate_python(values[key], strict=hint in (int, bool))
            except ValidationError as error:
                raise TlbenchError(
                    f"{kind}.{key}: {error.errors()[0]['msg']}, got {values[key]!r}. Set by {kind}.{key}=... on the "
                    "command line or in conf/."
                ) from error


@lru_cache(maxsize=256)
def _scalars(target: str) -> list[tuple[str, type]]:
    """Arguments of a target that are numbers, texts or truth values."""
    try:
        found = resolve_name(target)
        hints = get_type_hints(getattr(found, "__init__") if isinstance(found, type) else found)  # noqa: B009
    except (ImportError, AttributeError, ValueError, NameError, TypeError):
        return []  # what is wrong with the target itself is told where it is built
    return [(key, hint) for key, hint in hints.items() if hint in SCALARS]


def method_class(group: Group) -> type[Method]:
    """The class of a method config, imported but not built."""
    try:
        found = get_class(group["_target_"])
    except (KeyError, ImportError, ValueError) as error:
        raise TlbenchError(f"method '{group.get('name')}': class not found ({error}). See its _target_.") from error
    if not issubclass(found, Method):
        raise TlbenchError(f"method '{group.get('name')}': {found.__name__} is no tlbench.method.Method.")
    return found


def classifier_learner(group: Group) -> str:
    """What a classifier config is for: "gradient" or "estimator"."""
    return str(getattr(get_class(group["_target_"]), "learner"))  # noqa: B009


def dataset_of(config: RunConfig) -> Dataset:
    """The data set of a run, built once a process: a sweep asks for it hundreds of times, and it holds no data."""
    return _dataset(json.dumps(config.dataset), config.data_dir)


@lru_cache(maxsize=64)
def _dataset(group: str, data_dir: str) -> Dataset:
    values = json.loads(group)
    return build("dataset", values, name=values["name"], data_dir=data_dir)


def augment_of(config: RunConfig) -> Augment | None:
    """What is done to the images of a run; None where its data set holds arrays."""
    return build("augment", config.augment)


def protocol_of(config: RunConfig) -> Protocol:
    return build("protocol", config.protocol)
