"""In what two configs differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

COLUMNS = ["key", "this run", "the other"]
ABSENT = "(not there)"


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the dotted keys of a config; an empty mapping is a value."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def changed_keys(mine: Mapping[str, Any], other: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row a dotted key whose value differs or that one of the two lacks, in the order of `mine`, then of `other`.

    Returns:
        COLUMNS, texts. `1` and `1.0` are equal, `1` and `True` are not.
    """
    a, b = flat(mine), flat(other)
    keys = [key for key in {**a, **b} if key not in a or key not in b or _differ(a[key], b[key])]
    rows = [(key, str(a.get(key, ABSENT)), str(b.get(key, ABSENT))) for key in keys]
    return pd.DataFrame(rows, columns=COLUMNS)


def _differ(one: Any, two: Any) -> bool:
    return one != two or isinstance(one, bool) != isinstance(two, bool)
