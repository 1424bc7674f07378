"""Arguments of the form key=value, as Hydra writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.errors import HydraException

from tlbench.errors import TlbenchError

Overrides = list[str]
MOST_VALUES = 10**6
"""Of a range: more runs than a plan can hold."""


def key_of(override: str) -> str:
    return override.split("=", 1)[0]


def parsed(arguments: Sequence[str]) -> list[Override]:
    """Parse the arguments as Hydra does. Raises TlbenchError in one line."""
    try:
        return OverridesParser.create().parse_overrides(list(arguments))
    except HydraException as error:
        text = " ".join(str(error).split())
        raise TlbenchError(f"{text}. An argument is written key=value, such as method=dann or seed=0,1,2.") from error


def values_of(override: Override) -> Overrides:
    """Return the single overrides that a list or a range stands for."""
    if override.is_sweep_override():
        _refuse_endless(override)
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    return [override.input_line or ""]


def _refuse_endless(override: Override) -> None:
    """Raise TlbenchError for what names no values one by one: a glob, an interval, a range without an end."""
    swept = override.value()
    if isinstance(swept, RangeSweep):
        ends = [number for number in (swept.start, swept.stop, swept.step) if number is not None]
        whole = len(ends) == 3 and all(map(math.isfinite, ends)) and ends[2] != 0
        if not whole or (ends[1] - ends[0]) / ends[2] > MOST_VALUES:
            raise TlbenchError(
                f"{override.input_line}: a range is of up to {MOST_VALUES} values, such as seed=range(5)."
            )
    elif not isinstance(swept, ChoiceSweep):
        raise TlbenchError(
            f"{override.input_line}: name the values one by one, such as method=dann,mmd or seed=range(5)."
        )
