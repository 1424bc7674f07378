"""Arguments of the form key=value, as Hydra writes them."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from tlbench.errors import TlbenchError

Overrides = list[str]


def key_of(override: str) -> str:
    return override.split("=", 1)[0]


def parsed(arguments: Sequence[str]) -> list[Override]:
    """Hydra's own reading of them. Raises TlbenchError in one line."""
    try:
        return OverridesParser.create().parse_overrides(list(arguments))
    except HydraException as error:
        text = " ".join(str(error).split())
        raise TlbenchError(f"{text}. An argument is written key=value, such as method=dann or seed=0,1,2.") from error


def values_of(override: Override) -> Overrides:
    """The single overrides that a list or a range stands for."""
    if isinstance(override.value(), Glob):
        raise TlbenchError(
            f"{override.input_line}: name the values, such as method=dann,mmd; a glob is not understood."
        )
    if override.is_sweep_override():
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return [override.input_line or ""]
