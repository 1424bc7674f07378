"""Hyper-parameters and recipe values of runs, as columns: `method.weight`, `optim.lr`, `protocol.shots`, ..."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from tlbench.store.content_keys import NOT_CONTENT, NOT_DATA

Configs = Mapping[str, Mapping[str, Any]]
"""Cell key to the cell's config."""
IN_COLUMNS = NOT_CONTENT | {"pair", "seed", "sweep", "search"}
"""Keys that are no setting of a cell: paths, hardware, and what other columns have."""
WORDS = {"name", "_target_", "_partial_"}
"""Of a group: the name stands in a column of its own."""
MOVES_NUMBERS = ("precision", "devices", "accumulate", "tf32")
"""Of the hardware, what is in a run's key."""
SILENT = ("validators", "distances")
"""Settings that change what is measured beside a run, and none of its scores."""


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set in a config under dotted keys, in its order; lists and what is built from a `_target_` as words."""
    content = {key: value for key, value in config.items() if key not in IN_COLUMNS}
    content["dataset"] = {
        k: v for k, v in config.get("dataset", {}).items() if k not in NOT_DATA and not isinstance(v, Mapping)
    }
    hardware = config.get("trainer", {})
    content["trainer"] = {name: hardware[name] for name in MOVES_NUMBERS if name in hardware}
    return dict(_flat(content, ""))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for key, value in values.items():
        if prefix and key in WORDS:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", in_words(value) if isinstance(value, list) else value


def in_words(value: Any) -> str:
    """Return a setting as people write it: `0.05`, `true`, `null`, `[row_l2, zscore]`."""
    if isinstance(value, list):
        return f"[{', '.join(map(in_words, value))}]"
    if isinstance(value, Mapping):
        name = str(value.get("_target_", "")).rpartition(".")[2]
        rest = ", ".join(f"{k}={in_words(v)}" for k, v in value.items() if k not in WORDS)
        return f"{name}({rest})" if name and rest else name or f"{{{rest}}}"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def settings_table(configs: Configs) -> pd.DataFrame:
    """Return a row a cell (index `cell_key`) and a column a setting; None where a cell has no such setting."""
    return pd.DataFrame.from_dict({cell: settings_of(c) for cell, c in configs.items()}, "index").rename_axis(
        "cell_key"
    )


def with_settings(table: pd.DataFrame, configs: Configs) -> pd.DataFrame:
    """Return a table of runs or cells with the settings of their cells behind its own columns."""
    settings = settings_table(configs)
    own = settings[[name for name in settings if name not in table]]
    return table.join(own, on="cell_key") if len(own) else table


def varying(settings: pd.DataFrame) -> list[str]:
    """Return the settings in which rows differ, in order; those that change no score are left out."""
    words = settings.map(lambda value: "" if value is None else in_words(value))
    return [name for name in settings if name not in SILENT and words[name].nunique() > 1]


def names_of(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return words that tell configs apart by what varies among them and nothing else: `dim=20`, `lr=0.05, weight=2`.

    Two configs that no setting tells apart, or only one that changes no score, get the same words.
    """
    flat = [settings_of(config) for config in configs]
    every = pd.DataFrame(flat).astype(object)
    keys = varying(every.where(every.notna(), None))
    short = [key.rpartition(".")[2] for key in keys]
    titles = {key: name if short.count(name) == 1 else key for key, name in zip(keys, short, strict=True)}
    return [", ".join(f"{titles[key]}={in_words(own[key])}" for key in keys if key in own) for own in flat]
