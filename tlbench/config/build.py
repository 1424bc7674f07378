"""Objects from config groups."""

from __future__ import annotations

from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from pydantic import ValidationError

from tlbench.config.schema import Group, first_line
from tlbench.config.targets import located
from tlbench.config.typed_values import typed
from tlbench.errors import TlbenchError
from tlbench.method.base import Method


def build(kind: str, group: Group, *, drop: tuple[str, ...] = (), **given: Any) -> Any:
    """Call the group's `_target_` with its other keys and what is `given`; a user's mistake becomes one line."""
    name = given.get("name", group.get("name"))
    values = {k: v for k, v in typed(kind, {**group, "name": name}).items() if k not in ("name", *drop)}
    try:
        return _made({**values, "_partial_": True})(**given)
    except ValidationError as error:
        raise TlbenchError(first_line(error, kind)) from error
    except InstantiationException as error:
        reason = str(error).splitlines()[0]
        raise TlbenchError(f"{kind} '{name}' cannot be built: {reason}") from error
    except TypeError as error:
        raise TlbenchError(
            f"{kind} '{name}' ({values['_target_']}) does not fit its config: {str(error).splitlines()[0]}."
        ) from error


def _made(values: Any) -> Any:
    """Do what Hydra's `instantiate` does for plain values, without OmegaConf in between, which costs ten times the rest."""
    if isinstance(values, list):
        return [_made(value) for value in values]
    if not isinstance(values, dict):
        return values
    made = {key: _made(value) for key, value in values.items() if key not in ("_target_", "_partial_")}
    if "_target_" not in values:
        return made
    if any(key.startswith("_") and key.endswith("_") for key in made):  # `_args_` and the like
        return instantiate(values)
    target = located("_target_", values)
    return partial(target, **made) if values.get("_partial_") else target(**made)


def method_class(group: Group) -> type[Method]:
    """Import the class of a method config; it is not built."""
    found = located("method", group)
    if not isinstance(found, type) or not issubclass(found, Method):
        raise TlbenchError(f"method '{group.get('name')}': {group['_target_']} is no tlbench.method.Method.")
    return found


def classifier_shape(group: Group) -> str:
    """Tell what a classifier config is for: "gradient" or "estimator"."""
    learner = getattr(located("classifier", group), "learner", None)
    if learner not in ("gradient", "estimator"):
        raise TlbenchError(
            f"classifier '{group.get('name')}': {group['_target_']} must say that its learner is gradient or estimator."
        )
    return str(learner)
